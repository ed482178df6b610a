"""A small service whose events and answers can be made as large as a test wants."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate, Facts
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.commands import decides
from shared.runtime.queries import Asked
from shared.runtime.service import Service
from shared.schemas.messages import Command, Event, Query

__all__ = ["MEMOS", "KeepMemo", "ShowMemo"]


class MemoKept(Event):
    memo_id: UUID
    text: str
    numbers: tuple[int, ...]


class KeepMemo(Command):
    """A memo of a word, said so many times, and of as many numbers."""

    memo_id: UUID
    word: str
    times: int
    numbers: int = 0


def keep(command: KeepMemo, _kept: int, _facts: Facts) -> list[MemoKept]:
    text, numbers = command.word * command.times, (1,) * command.numbers
    return [MemoKept(memo_id=command.memo_id, text=text, numbers=numbers)]


memo: Aggregate[int, MemoKept] = Aggregate("memo", 0, lambda kept, _event: kept + 1)


@dataclass(slots=True)
class MemoRow:
    memo_id: UUID
    text: str


class Memos(View[MemoRow]):
    name, version, key = "memos", 1, ("memo_id",)

    @on(MemoKept)
    def kept(self, rows: Rows[MemoRow], event: MemoKept, at: Recorded) -> None:
        rows.put(MemoRow(event.memo_id, event.text))


class MemoAnswer(BaseModel):
    texts: tuple[str, ...]


class ShowMemo(Query[MemoAnswer]):
    """What a memo says, so many times over."""

    memo_id: UUID
    times: int = 1


async def show(query: ShowMemo, asked: Asked) -> MemoAnswer:
    row = await asked.read_models.one(Memos, query.memo_id)
    return MemoAnswer(texts=(row.text,) * query.times if row else ())


MEMOS = Service(
    programme="memo",
    codec=Codec([MemoKept]),
    commands={KeepMemo: decides(memo, keep, by="memo_id")},
    queries={ShowMemo: show},
    views=(Memos(),),
)
