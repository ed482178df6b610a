"""`niangjia demo`: the system started on data of its own, the cases played, what became of each shown."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import nats
import typer
from nats.aio.client import Client as Connection
from rich.table import Table
from rich.text import Text

from deploy.local.demo.aid import play_aid
from deploy.local.demo.cases import CASES, Case, Told, ended
from deploy.local.demo.lending import play_lending
from deploy.local.demo.messages import ARRIVED, quiet, show_board, show_texts, texts_to
from deploy.local.demo.people import OPERATOR, Cast, Person, cast
from deploy.local.demo.stage import Stage, set_up
from deploy.local.home import Home, default_home
from deploy.local.system import LocalSystem
from deploy.local.terminal import WRONG, err, out
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.settings import ClockKind
from shared.schemas.notify import DeliveryBoard, History, ShowHistory

__all__ = ["FIRST_DAY", "demo", "quiet"]

FIRST_DAY: Final = datetime(2019, 7, 1, 1, 0, tzinfo=UTC)
"""Nine in the morning of 1 July 2019 in China: the benchmark rates of the known cases are in force."""


@dataclass(frozen=True, slots=True)
class Played:
    case: Case
    told: Told
    sms: int = 0
    mails: int = 0

    @property
    def well(self) -> bool:
        return self.told.must == self.told.came


class Play(StrEnum):
    LOAN = "loan"
    LENDING = "lending"
    AID = "aid"

    @property
    def term(self) -> str:
        return {"loan": "匠心贷", "lending": "共享头盔", "aid": "职工医疗互助"}[self]


def demo(play: Annotated[Play, typer.Argument(help="which programme's story")] = Play.LOAN) -> None:
    """Play the known cases of a programme. Exit code 0 only if each ended as it must, and everybody was told."""
    home = Home(default_home().path / "demo")
    shutil.rmtree(home.path, ignore_errors=True)
    raise typer.Exit(asyncio.run(_demo(home, play)))


async def _demo(home: Home, play: Play) -> int:
    began = time.monotonic()
    out.print(Text(f"娘家 · {play.term} demo", "bold"))
    async with LocalSystem(home, clock=ClockKind.SETTABLE, say=lambda line: None) as system:
        out.print(Text(f"the system is up after {time.monotonic() - began:.1f} s", "dim"))
        connection = await nats.connect(system.run.nats_url, name="demo")
        try:
            match play:
                case Play.LOAN:
                    return await _play(system, connection, began)
                case Play.LENDING:
                    return await play_lending(system, connection, began)
                case Play.AID:
                    return await play_aid(system, connection, began)
        finally:
            await connection.close()


async def _play(system: LocalSystem, connection: Connection, began: float) -> int:
    js, actors = connection.jetstream(), cast()
    offset = FIRST_DAY - datetime.now(UTC)

    async def advance(span: timedelta) -> None:
        nonlocal offset
        offset += span
        await set_offset(js, offset)

    await advance(timedelta())
    stage = Stage(Client(connection), advance)
    await set_up(stage, actors)
    played = [Played(case, await ended(case.play(stage, actors))) for case in CASES]
    board = await quiet(stage, js)
    histories = {person.member_id: await _history(stage, person) for person in actors.people}
    played = [_with_messages(one, actors, histories) for one in played]
    texts = await texts_to(system, actors.cable_worker)
    _show(played, board, texts, actors.cable_worker)
    failed = [one for one in played if not one.well]
    untold = sum(row.count for row in board.rows if row.status not in ARRIVED)
    seconds = time.monotonic() - began
    if failed or untold or not texts:
        err.print(Text(f"✗ {len(failed)} cases did not end as they must, {untold} messages did not arrive", "red"))
        return WRONG
    out.print(Text(f"✓ each of {len(played)} cases ended as it must, in {seconds:.0f} s", "bold green"))
    return 0


async def _history(stage: Stage, person: Person) -> History:
    history: History = await stage.ask("notify", OPERATOR, ShowHistory(member_id=person.member_id))
    return history


def _with_messages(one: Played, actors: Cast, histories: dict[Any, History]) -> Played:
    sent = [
        message
        for person in one.case.who(actors)
        for message in histories[person.member_id].notifications
        if message.status in ARRIVED and message.programme == "loan"
    ]
    sms = sum(message.channel == "sms" for message in sent)
    return Played(one.case, one.told, sms, len(sent) - sms)


def _show(played: Sequence[Played], board: DeliveryBoard, texts: Sequence[str], person: Person) -> None:
    table = Table(title="匠心贷: the known cases", title_justify="left")
    for heading in ("case", "must end", "ended", "短信", "邮件", ""):
        counts = heading in ("短信", "邮件")
        table.add_column(heading, justify="right" if counts else "left", no_wrap=counts, overflow="fold")
    for one in played:
        mark = Text("✓", "green") if one.well else Text("✗", "bold red")
        table.add_row(one.case.title, one.told.must, one.told.came, str(one.sms), str(one.mails), mark)
    out.print(table)
    show_texts(f"{person.name} ({person.phone}) was told by text message", texts)
    show_board(board, "members, cadres, officers and the bank")
