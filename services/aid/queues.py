"""What each claim waits for: one rule for the desk's lists and for the figures of operations."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from services.aid.rules import Rulebook
from services.aid.views import ClaimRow
from shared.schemas.aid import ClaimStatus, Waits

__all__ = ["Queues"]


class Queues:
    """Claims by what they wait for. Claims that are settled or over wait for nothing here."""

    OPEN: ClassVar[frozenset[ClaimStatus]] = frozenset(
        {
            ClaimStatus.FILED,
            ClaimStatus.ASSESSED,
            ClaimStatus.REVIEWED,
            ClaimStatus.QUOTED,
            ClaimStatus.APPROVED,
        }
    )

    def __init__(self, rules: Rulebook, rows: Iterable[ClaimRow]) -> None:
        self.by: dict[Waits, list[ClaimRow]] = defaultdict(list)
        for row in rows:
            waits = _waits(row, rules)
            if waits is not None:
                self.by[waits].append(row)

    def of(self, *waits: Waits) -> list[ClaimRow]:
        """The most urgent first: by the day that something falls due, then by filing."""
        return sorted((row for each in waits for row in self.by[each]), key=_urgency)


def _urgency(row: ClaimRow) -> tuple[bool, datetime, str]:
    return row.act_by is None, row.act_by or row.filed_at, str(row.claim_id)


def _waits(row: ClaimRow, rules: Rulebook) -> Waits | None:
    match row.status:
        case ClaimStatus.FILED if row.missing:
            return Waits.DOCUMENTS
        case ClaimStatus.FILED:
            return Waits.INVOICES if row.conflicts else Waits.ASSESSMENT
        case ClaimStatus.ASSESSED:
            above = row.amount > rules.version(row.pool, row.scheme).four_eyes_above
            return Waits.REVIEW if above else Waits.APPROVAL
        case ClaimStatus.REVIEWED:
            return Waits.APPROVAL
        case ClaimStatus.QUOTED:
            return Waits.HOSPITAL
        case ClaimStatus.APPROVED if row.due and row.live is None:
            return Waits.SUCCESSOR if row.payee_died and not row.has_successor else Waits.INSTRUCTION
        case _:
            return None
