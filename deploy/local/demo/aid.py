"""`niangjia demo aid`: the cases of mutual aid in Dongyang, what became of each, and by which messages it was told."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
from nats.aio.client import Client as Connection
from rich.table import Table
from rich.text import Text

from deploy.local.demo.aid_cases import CASES, AidCase
from deploy.local.demo.aid_cover import cover, renew
from deploy.local.demo.aid_desk import PERIOD, Desk
from deploy.local.demo.cases import Told, ended
from deploy.local.demo.dongyang import DONGYANG, County, county, enter_county
from deploy.local.demo.messages import ARRIVED, show_board, show_texts, texts_to
from deploy.local.demo.people import OPERATOR, Person
from deploy.local.demo.stage import Stage
from deploy.local.system import LocalSystem
from deploy.local.terminal import WRONG, err, out
from shared.runtime.client import Client, NoAnswer
from shared.schemas.messages import Refused
from shared.schemas.notify import DeliveryBoard, History, ShowHistory

__all__ = ["PlayedCase", "desk_of", "play_aid", "play_cases"]

FIRST_PERIOD: Final = date(2017, 7, 1)
ENROLLED, RENEWED, ILL = date(2017, 6, 12), date(2018, 6, 12), date(2019, 1, 10)
COVERED: Final = "cover-started"
KNOWN_CASE: Final = "17421.13"


@dataclass(frozen=True, slots=True)
class PlayedCase:
    case: AidCase
    told: Told
    texts: Counter[str]
    """By template, to the worker, by text message."""
    mails: Counter[str]

    @property
    def well(self) -> bool:
        """As it must have ended, and the worker told of it as they must be, by text message and by mail alike."""
        return self.told.must == self.told.came and self.texts == self.mails == Counter(self.case.texts)


async def play_aid(system: LocalSystem, connection: Connection, began: float) -> int:
    """The exit code: 0 only if each case ended as it must, and everybody was told."""
    here = county()
    desk = desk_of(connection)
    try:
        played, board = await play_cases(desk, here)
        texts = (await texts_to(system, here.cirrhosis))[::-1]
    except (NoAnswer, Refused, TimeoutError, httpx.HTTPError) as error:
        err.print(Text(f"✗ it did not end as it must: {error or 'no answer in time'}", "red"))
        return WRONG
    _show(played, board, texts, here)
    failed = [one for one in played if not one.well]
    untold = sum(row.count for row in board.rows if row.status not in ARRIVED)
    known = any(KNOWN_CASE in text.replace(",", "") for text in texts)
    if failed or untold or not known:
        err.print(Text(f"✗ {len(failed)} cases did not end as they must, {untold} messages did not arrive", "red"))
        return WRONG
    out.print(
        Text(f"✓ each of {len(played)} cases ended as it must, in {time.monotonic() - began:.0f} s", "bold green")
    )
    return 0


def desk_of(connection: Connection) -> Desk:
    async def stay(_span: Any) -> None:
        raise AssertionError("the desk moves its own clock")

    return Desk(Stage(Client(connection), stay, DONGYANG), connection.jetstream())


async def play_cases(desk: Desk, here: County) -> tuple[list[PlayedCase], DeliveryBoard]:
    """Raises Refused, NoAnswer, TimeoutError, where it is not a case of its own that fails."""
    await desk.on(ENROLLED)
    await enter_county(desk.stage, here)
    await cover(desk, here, FIRST_PERIOD)
    await desk.on(RENEWED)
    await renew(desk, here, PERIOD)
    await desk.on(ILL)
    played = [(case, await ended(case.play(desk, here))) for case in CASES]
    board = await desk.told()
    return [
        PlayedCase(case, told, *await _messages(desk.stage, getattr(here, case.who))) for case, told in played
    ], board


async def _messages(stage: Stage, person: Person) -> tuple[Counter[str], Counter[str]]:
    """By text message and by mail; that cover began is no part of a case."""
    history: History = await stage.ask("notify", OPERATOR, ShowHistory(member_id=person.member_id))
    sent: dict[str, Counter[str]] = {"sms": Counter(), "email": Counter()}
    for message in history.notifications:
        if message.status in ARRIVED and message.programme == "aid" and message.template.id != COVERED:
            sent[message.channel][message.template.id] += 1
    return sent["sms"], sent["email"]


def _show(played: Sequence[PlayedCase], board: DeliveryBoard, texts: Sequence[str], here: County) -> None:
    table = Table(title="职工医疗互助: the cases", title_justify="left")
    for heading in ("case", "must end", "ended"):
        table.add_column(heading, overflow="fold")
    for heading in ("短信", "邮件"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for one in played:
        mark = Text("✓", "green") if one.well else Text("✗", "bold red")
        counts = (str(one.texts.total()), str(one.mails.total()))
        table.add_row(one.case.title, one.told.must, one.told.came, *counts, mark)
    out.print(table)
    for one in played:
        if one.texts != Counter(one.case.texts) or one.mails != one.texts:
            must, came = dict(Counter(one.case.texts)), dict(one.texts)
            err.print(Text(f"{one.case.title}: told by {came} and mails {dict(one.mails)}, must be {must}", "red"))
    show_texts(f"{here.cirrhosis.name} ({here.cirrhosis.phone}) was told by text message", texts)
    show_board(board, "workers, cadres and officers")
