"""Whose cadre somebody is."""

from dataclasses import dataclass
from uuid import UUID

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.read_models import ReadModels
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import UnionContactAppointed, UnionContactRelieved, UnionDissolved

__all__ = ["CadreRow", "Cadres", "unions_of"]


@dataclass(slots=True)
class CadreRow:
    union_id: UnionId
    member_id: MemberId


class Cadres(View[CadreRow]):
    """Who acts for a union: its chair, vice-chairs and cadres."""

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
    """The unions that a cadre acts for; none for anybody else. `read_models` follow the registry with `Cadres`."""
    if actor.role is not Role.CADRE:
        return frozenset()
    try:
        member_id = UUID(actor.id)
    except ValueError:
        return frozenset()
    return frozenset(row.union_id for row in await read_models.some(Cadres, "member_id = $1", member_id))
