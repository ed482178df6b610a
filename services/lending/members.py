"""What lending knows of the registry's members: of which union they are. It names nobody."""

from dataclasses import dataclass

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.registry import MemberErased, MemberMoved, MemberRegistered, MembershipEnded

__all__ = ["MemberRow", "Members"]


@dataclass(slots=True)
class MemberRow:
    member_id: MemberId
    federation: str
    union_id: UnionId
    ended: bool = False


class Members(View[MemberRow]):
    """Everybody whom the registry has, or had, as a member."""

    name, version, key = "members", 1, ("member_id",)
    indexes = (("union_id",),)

    @on(MemberRegistered)
    def registered(self, rows: Rows[MemberRow], event: MemberRegistered, at: Recorded) -> None:
        rows.put(MemberRow(event.member_id, at.meta.federation, event.union_id))

    @on(MemberMoved)
    def moved(self, rows: Rows[MemberRow], event: MemberMoved, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.union_id, row.ended = event.union_id, False

    @on(MembershipEnded, MemberErased)
    def ended(self, rows: Rows[MemberRow], event: MembershipEnded | MemberErased, at: Recorded) -> None:
        rows.get(event.member_id).ended = True
