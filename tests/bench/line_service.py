"""The lines of credit as a service of their own: what a programme declares, and nothing more."""

from uuid import UUID

from pydantic import BaseModel

from shared.runtime.commands import Context
from shared.runtime.queries import Asked
from shared.runtime.service import Service
from shared.schemas.messages import Query
from shared.schemas.money import Fen
from tests.bench.line import CODEC, Draw, LineCommand, Repay, decide, lines
from tests.bench.projecting import Lines

__all__ = ["PROGRAMME", "LineShown", "ShowLine"]

PROGRAMME = "lines"


class LineShown(BaseModel):
    used: Fen
    credit: Fen
    movements: int


class ShowLine(Query[LineShown | None]):
    line: UUID


async def move(command: LineCommand, context: Context) -> None:
    state = await context.session.load(lines, command.line)
    context.session.append(lines, command.line, decide(command, state, command.line))


async def show(query: ShowLine, asked: Asked) -> LineShown | None:
    row = await asked.read_models.one(Lines, query.line)
    return LineShown(used=row.used, credit=row.credit, movements=row.movements) if row is not None else None


service = Service(
    programme=PROGRAMME, codec=CODEC, commands={Draw: move, Repay: move}, queries={ShowLine: show}, views=(Lines(),)
)

if __name__ == "__main__":
    service.main()
