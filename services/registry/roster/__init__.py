"""The rosters (会员花名册) that unions keep in Excel: reading them, and giving them back with what came of each row."""

from services.registry.roster.columns import Column
from services.registry.roster.importing import Stage, import_roster
from services.registry.roster.reading import Roster, open_roster
from services.registry.roster.result import Outcome, ResultWorkbook
from services.registry.roster.rows import ListedMember, Problem, RosterRow

__all__ = [
    "Column",
    "ListedMember",
    "Outcome",
    "Problem",
    "ResultWorkbook",
    "Roster",
    "RosterRow",
    "Stage",
    "import_roster",
    "open_roster",
]
