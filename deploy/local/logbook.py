"""`niangjia logs`: the log of one part, its JSON lines set in columns."""

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from deploy.local.home import default_home
from deploy.local.terminal import out, wrong

__all__ = ["logs"]

BEAT: Final = 0.2
STYLES: Final = {"debug": "dim", "info": "green", "warning": "yellow", "error": "red", "critical": "bold red"}
SET_APART: Final = ("timestamp", "level", "event", "service")


def logs(
    name: Annotated[str, typer.Argument(help="postgres, nats, mail, sms or a programme", show_default=False)] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="how many of the last")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as it grows, until Ctrl-C")] = False,
    raw: Annotated[bool, typer.Option(help="as it is written")] = False,
) -> None:
    """Show the log of one part of the system."""
    home = default_home()
    known = sorted(path.stem for path in home.logs.glob("*.log"))
    if name not in known:
        wrong(f"the logs are: {', '.join(known)}" if known else f"there are no logs in {home.logs}")
    for line in _lines(home.log(name), lines, follow):
        out.print(Text(line) if raw else _set(line), soft_wrap=True)


def _lines(path: Path, last: int, follow: bool) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as log:
        yield from (line.rstrip("\n") for line in deque(log, last))
        part = ""
        while follow:
            if path.stat().st_size < log.tell():  # set aside: it begins anew
                log.seek(0)
            part += log.readline()
            if part.endswith("\n"):
                yield part.rstrip("\n")
                part = ""
            else:
                time.sleep(BEAT)


def _set(line: str) -> Text:
    try:
        entry: dict[str, Any] = json.loads(line)
        level, at = str(entry["level"]), str(entry["timestamp"])
    except (ValueError, TypeError, KeyError):
        return Text(line)
    rest = {key: value for key, value in entry.items() if key not in (*SET_APART, "exception")}
    text = Text.assemble(
        (at[11:23] + " ", "dim"),
        (f"{level:8}", STYLES.get(level, "")),
        (str(entry.get("event", "")), "bold"),
        *(part for key, value in rest.items() for part in ((f" {key}=", "dim"), str(value))),
    )
    for frame in _frames(entry.get("exception")):
        text.append(f"\n    {frame}", "red")
    return text


def _frames(exception: Any) -> Iterator[str]:
    """A traceback of structlog's, a line each."""
    if isinstance(exception, str):
        yield from exception.splitlines()
    elif isinstance(exception, list):
        for one in exception:
            for frame in one.get("frames", ()):
                yield f"{frame.get('filename')}:{frame.get('lineno')} {frame.get('name')}"
            yield f"{one.get('exc_type')}: {one.get('exc_value')}"
