"""`niangjia demo lending`: the campaign of 1,000 helmets to 50 enterprises, and a fortnight of borrowing."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from nats.aio.client import Client as Connection
from rich.table import Table
from rich.text import Text

from deploy.local.demo.district import ENTERPRISES, JIANGBEI, District, district, enter_district
from deploy.local.demo.fortnight import BATCH, EACH, Fortnight
from deploy.local.demo.messages import ARRIVED, quiet, show_texts, texts_to
from deploy.local.demo.stage import Stage
from deploy.local.system import LocalSystem
from deploy.local.terminal import WRONG, err, out
from shared.runtime.client import Client, NoAnswer
from shared.runtime.clock import set_offset
from shared.schemas.lending import LabelSheet, PrintLabels, TableAnswer
from shared.schemas.messages import Refused, Role
from shared.schemas.notify import DeliveryBoard

__all__ = ["play_lending"]

MONDAY: Final = datetime(2020, 6, 1, 0, 0, tzinfo=UTC)
"""Eight in the morning of Monday, 1 June 2020 in China."""
WORKERS: Final = (12, *(4 for _ in range(ENTERPRISES - 1)))
CHANNELS: Final = 2
"""Every message of lending goes by text message and by email."""
QUIET_LIMIT: Final = 300.0


async def play_lending(system: LocalSystem, connection: Connection, began: float) -> int:
    """The exit code: 0 only if every helmet is accounted for, and everybody was told what they had to be, once."""
    js, here = connection.jetstream(), district(WORKERS)

    async def move_clock(instant: datetime) -> None:
        await set_offset(js, instant - datetime.now(UTC))

    async def stay(_span: Any) -> None:
        raise AssertionError("the fortnight moves its own clock")

    def say(what: str) -> None:
        out.print(Text(f"{time.monotonic() - began:5.0f} s  {what}", "dim"))

    stage = Stage(Client(connection), stay, JIANGBEI)
    await move_clock(MONDAY)
    await enter_district(stage, here)
    say(f"{ENTERPRISES} enterprises with {sum(WORKERS)} workers entered")
    fortnight = Fortnight(stage, here, MONDAY, move_clock)
    try:
        table = await fortnight.play(say)
        board = await quiet(stage, js, QUIET_LIMIT)
    except (NoAnswer, Refused, TimeoutError, AssertionError) as error:
        err.print(Text(f"✗ it did not end as it must: {error or 'no answer in time'}", "red"))
        return WRONG
    sent = _sent(board)
    late_worker, chair = here.works[0].workers[2], here.works[0].chair
    _show(table, here)
    _show_messages(fortnight.messages, sent)
    for person in (late_worker, chair):
        show_texts(f"{person.post} ({person.phone}) was told", (await texts_to(system, person))[:4])
    await _write_labels(system, stage, here)
    unsent = sum(row.count for row in board.rows if row.status not in ARRIVED)
    if unsent or sent != Counter({name: CHANNELS * number for name, number in fortnight.messages.items()}):
        err.print(Text(f"✗ {unsent} messages did not arrive, or others than these were sent", "red"))
        return WRONG
    told = f"{table.allocated:,} helmets are accounted for, {sum(sent.values()):,} messages sent once each"
    out.print(Text(f"✓ {told}, in {time.monotonic() - began:.0f} s", "bold green"))
    return 0


def _sent(board: DeliveryBoard) -> Counter[str]:
    sent: Counter[str] = Counter()
    for row in board.rows:
        if row.programme == "lending" and row.status in ARRIVED:
            sent[row.template.id] += row.count
    return sent


def _show(table: TableAnswer, here: District) -> None:
    shown = Table(title="共享头盔: where they are", title_justify="left")
    shown.add_column("借还点", no_wrap=True)
    columns = ("分配", "调入", "在架", "借出", "逾期", "整理", "遗失", "核销", "合计")
    for heading in columns:
        shown.add_column(heading, justify="right", no_wrap=True)
    names = {works.point_id: works.name for works in here.works}
    tallies = [(names[row.point_id], row.allocated, row.carried_in, row.tally) for row in table.points]
    tallies.append(("江北区", table.allocated, sum(row.carried_in for row in table.points), table.total))
    for name, allocated, carried_in, tally in [*tallies[:5], *tallies[-1:]]:
        if name == "江北区":
            shown.add_row(f"另{len(tallies) - 6}处", *("…" for _ in columns))
            shown.add_section()
        counts = (tally.on_hand, tally.out, tally.overdue, tally.in_care, tally.lost, tally.written_off, tally.total)
        shown.add_row(name, str(allocated), f"{carried_in:+d}", *map(str, counts))
    out.print(shown)


def _show_messages(must: Counter[str], sent: Counter[str]) -> None:
    shown = Table(title="messages, by text message and by email", title_justify="left")
    shown.add_column("template")
    for heading in ("must be sent", "sent"):
        shown.add_column(heading, justify="right")
    for name in sorted(must | sent):
        shown.add_row(name, str(CHANNELS * must[name]), str(sent[name]))
    out.print(shown)


async def _write_labels(system: LocalSystem, stage: Stage, here: District) -> None:
    labels = PrintLabels(batch=BATCH, count=EACH)
    sheet: LabelSheet = await stage.ask("lending", here.officer.acting(Role.OFFICER), labels)
    path = system.home.path / "labels.html"
    path.write_text(sheet.html, encoding="utf-8")
    out.print(Text(f"labels of {sheet.codes[0]} to {sheet.codes[-1]}, to print: {path}", "dim"))
