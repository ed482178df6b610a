"""What lending knows of the registry: who is a member, of which union, and who acts for it. It names nobody."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.read_models import ReadModels
from shared.schemas import registry
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import (
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
)

__all__ = ["REGISTRY", "REGISTRY_CODEC", "CadreRow", "Cadres", "MemberRow", "Members", "unions_of"]

REGISTRY: Final = "registry"
REGISTRY_CODEC: Final = Codec.of(registry)


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


@dataclass(slots=True)
class CadreRow:
    union_id: UnionId
    member_id: MemberId


class Cadres(View[CadreRow]):
    """Who acts for a union."""

    name, version, key = "cadres", 1, ("union_id", "member_id")
    indexes = (("member_id",),)

    @on(UnionContactAppointed)
    def appointed(self, rows: Rows[CadreRow], event: UnionContactAppointed, at: Recorded) -> None:
        rows.put(CadreRow(event.union_id, event.member_id))

    @on(UnionContactRelieved)
    def relieved(self, rows: Rows[CadreRow], event: UnionContactRelieved, at: Recorded) -> None:
        rows.remove(event.union_id, event.member_id)

    @on(UnionDissolved, where={"union_id": "union_id"})
    def dissolved(self, rows: Rows[CadreRow], event: UnionDissolved, at: Recorded) -> None:
        for row in rows.where(union_id=event.union_id):
            rows.remove(row.union_id, row.member_id)


async def unions_of(actor: Actor, read_models: ReadModels) -> frozenset[UnionId]:
    """The unions that a cadre acts for; none for anybody else."""
    if actor.role is not Role.CADRE:
        return frozenset()
    try:
        member_id = UUID(actor.id)
    except ValueError:
        return frozenset()
    return frozenset(row.union_id for row in await read_models.some(Cadres, "member_id = $1", member_id))
