"""How replies look in a terminal."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.languages import Message
from shared.runtime.envelope import BUSY, FAILED, MALFORMED, NOT_ALLOWED, TOO_LATE, UNKNOWN
from shared.schemas.messages import Accepted, Refusal

__all__ = ["accepted", "answered", "refused"]

EMPTY: Final = Text("—", style="dim")


def accepted(reply: Accepted, command_id: UUID) -> RenderableType:
    """A command that was carried out, or had been."""
    head = Text("✓ accepted", "bold green")
    if reply.duplicate:
        head.append("  this command had been carried out before: nothing was done twice", "yellow")
    table = _pairs()
    table.add_row("stream", reply.stream)
    table.add_row("version", str(reply.version))
    table.add_row("position", Text.assemble(str(reply.position), (f"   read it with --after {reply.position}", "dim")))
    table.add_row("command id", str(command_id))
    return Group(head, Padding(table, (0, 0, 0, 2)))


def answered(value: Any, console: Console) -> RenderableType:
    """An answer of any shape."""
    if value is None or value == []:
        return Text("nothing found", "dim")
    return _shown(value, console)


def refused(message: Message, verb: str, refusal: Refusal) -> RenderableType:
    """A refusal: its words, the clause, the code, and what to do about it."""
    table = _pairs()
    table.add_row("clause", refusal.clause)
    table.add_row("code", Text(refusal.code, "bold"))
    for name, value in refusal.details.items():
        if name != "fields" and str(value) not in refusal.message:  # else the words have it already
            table.add_row(name, _scalar(value))
    parts: list[RenderableType] = [Text(refusal.message, "bold"), Text(), table]
    if fields := refusal.details.get("fields"):
        parts += [Text(), _malformed(message, fields)]
    if hint := _hint(message, verb, refusal):
        parts += [Text(), Text(hint, "dim")]
    return Panel(Group(*parts), title=f"✗ {message.name} refused", border_style="red", title_align="left", expand=False)


def _malformed(message: Message, problems: dict[str, str]) -> Table:
    table = Table("field", "what is wrong", "expected", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, problem in problems.items():
        known = message.fields.get(name.partition(".")[0])
        table.add_row(Text(name, "red"), problem, known.words if known else "")
    return table


def _hint(message: Message, verb: str, refusal: Refusal) -> str:
    match refusal.code:
        case NOT_ALLOWED.code:
            return f"open to: {', '.join(message.roles)}; say who acts with --as role:id"
        case MALFORMED.code:
            return f"niangjia {verb} {message.programme} {message.name} --help shows the fields"
        case FAILED.code:
            return f"niangjia logs {message.programme} has it under that number"
        case UNKNOWN.code:
            return f"{message.programme} runs without it: is another version running?"
        case BUSY.code | TOO_LATE.code:
            return "try again in a moment"
    return ""


def _shown(value: Any, console: Console) -> RenderableType:
    match value:
        case dict():
            table = _pairs()
            for name, one in value.items():
                table.add_row(str(name), _shown(one, console) if _is_nested(one) else _scalar(one))
            return table
        case [dict(), *_]:
            return _listed(value, console)
        case list():
            return Text("\n").join(_scalar(one) for one in value) if value else EMPTY
    return _scalar(value)


def _listed(rows: Sequence[dict[str, Any]], console: Console) -> RenderableType:
    """A table where it has room, else one record under another."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        values = [row[name] for row in rows if row.get(name) is not None]
        number = bool(values) and all(map(_is_number, values))
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_shown(row.get(name), console) for name in columns))
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width - 4:
        return table
    records: list[RenderableType] = []
    for count, row in enumerate(rows, 1):
        records += [Text(f"{count}", "dim"), Padding(_shown(row, console), (0, 0, 0, 2))]
    return Group(*records)


def _pairs() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list) and not _is_sealed(value)


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["sealed"]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _scalar(value: Any) -> Text:
    match value:
        case None | "" | [] | {}:
            return EMPTY
        case True | False:
            return Text("yes" if value else "no")
        case {"sealed": None}:
            return Text("erased 已删除", "dim")
        case {"sealed": _}:
            return Text("sealed", "dim")
    return Text(str(value))
