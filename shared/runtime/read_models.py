"""All read models of a service, of its own log and of others', under one roof."""

from collections.abc import Mapping
from typing import Any

from shared.eventsourcing.connections import Pool
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view import View

__all__ = ["ReadModels"]


class ReadModels:
    """`own` folds the service's log; `others` those of the programmes that it follows."""

    def __init__(
        self, store: EventStore, own: Projector, others: Mapping[str, Projector], of: Mapping[type[View[Any]], str]
    ):
        self.pool: Pool = store.pool
        self._store = store
        self.own, self.others = own, dict(others)
        self._of = of

    async def one[R](self, view: type[View[R]], *key: Any) -> R | None:
        """The row with this key."""
        return await self._projector(view).one(view, *key)

    async def some[R](self, view: type[View[R]], condition: str, *arguments: Any) -> list[R]:
        """The rows that meet a condition in SQL, which may go on with `order by` and `limit`."""
        return await self._projector(view).some(view, condition, *arguments)

    async def first[R](self, view: type[View[R]], condition: str, *arguments: Any) -> list[R]:
        """The first rows of a queue, in the order of an index, however many wait."""
        return await self._projector(view).first(view, condition, *arguments)

    async def count(self, view: type[View[Any]], condition: str, *arguments: Any) -> int:
        """How many rows meet a condition in SQL."""
        table = f"{self._store.schema}.{view.name}"
        number: int = await self.pool.fetchval(f"select count(*) from {table} where {condition}", *arguments)
        return number

    async def reached(self, position: int, seconds: float) -> bool:
        """Whether every view of the service's own log has come to a position in time."""
        try:
            await self.own.reached(position, timeout=seconds)
        except TimeoutError:
            return False
        return True

    async def caught_up(self, seconds: float) -> bool:
        """Whether every view of the service's own log comes, in time, to where the log stands now."""
        return await self.reached(await self._store.head(), seconds)

    async def followed(self, programme: str, sequence: int, *views: type[View[Any]]) -> None:
        """Until views of another programme's stream have folded a sequence. Raises TimeoutError after five seconds."""
        await self.others[programme].reached(sequence, *views)

    def positions(self) -> dict[str, int]:
        """How far each view has come."""
        return {name: at for p in (self.own, *self.others.values()) for name, at in p.positions().items()}

    def failures(self) -> dict[str, str]:
        """Views that cannot go on, and why."""
        return {name: error for p in (self.own, *self.others.values()) for name, error in p.failures.items()}

    def _projector(self, view: type[View[Any]]) -> Projector:
        programme = self._of.get(view)
        return self.own if programme is None else self.others[programme]
