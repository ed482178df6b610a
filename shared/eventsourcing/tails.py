"""Reading the ends of streams for decisions: many at once in one query."""

from collections.abc import Mapping, Sequence

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rounds import Rounds
from shared.eventsourcing.store import EventStore

__all__ = ["Tails"]


class Tails:
    """The ends of one store's streams."""

    def __init__(self, store: EventStore) -> None:
        self._rounds: Rounds[dict[str, int], dict[str, list[Recorded]]] = Rounds(dict, store.streams)

    async def of(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Streams' events, each beyond a version, in order, as of a moment after the call."""

        def add(wanted: dict[str, int]) -> None:
            for stream, version in after.items():
                wanted[stream] = min(version, wanted.get(stream, version))

        found = await self._rounds.ask(add)
        return {
            stream: [recorded for recorded in found.get(stream, ()) if recorded.version > version]
            for stream, version in after.items()
        }
