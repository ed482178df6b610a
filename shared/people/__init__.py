"""What any programme may keep of the registry's people: read models folded from the registry's stream.

Each service has a table of its own, in its own schema; only the code is shared. It names nobody: ids, dates and the
purposes of consents stand in clear in the registry's events; what names or reaches a person is sealed in them, and is
not looked at here.
"""

from shared.people.cadres import CadreRow, Cadres, unions_of
from shared.people.consents import in_force, with_given, without_withdrawn
from shared.people.registry import REGISTRY, REGISTRY_CODEC

__all__ = [
    "REGISTRY",
    "REGISTRY_CODEC",
    "CadreRow",
    "Cadres",
    "in_force",
    "unions_of",
    "with_given",
    "without_withdrawn",
]
