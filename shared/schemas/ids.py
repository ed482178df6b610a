"""The one maker of ids, and the names that ids go by."""

from typing import NewType
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

__all__ = ["derived_id", "new_id"]

MemberId = NewType("MemberId", UUID)
UnionId = NewType("UnionId", UUID)
EmployerId = NewType("EmployerId", UUID)
HouseholdId = NewType("HouseholdId", UUID)


def new_id() -> UUID:
    """A UUIDv7: unique, and ordered by the time of its making."""
    return uuid7()


def derived_id(source: UUID, name: str) -> UUID:
    """The id that follows from another: the same source and name give the same id, for ever."""
    return uuid5(source, name)
