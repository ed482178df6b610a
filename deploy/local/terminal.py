"""What all commands of the command line share: where they print, how they end."""

from datetime import datetime
from typing import Annotated, Final, Literal, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from shared.eventsourcing.decider import SHANGHAI

__all__ = ["NO_ANSWER", "REFUSED", "WRONG", "Output", "err", "out", "shanghai", "wrong"]

WRONG: Final = 1
"""Exit code where the command line is wrong, or what it asks for can't be done."""
REFUSED: Final = 2
NO_ANSWER: Final = 3
"""Nobody answered, or nothing runs."""

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)

Output = Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="json: for machines")]


def wrong(what: str, code: int = WRONG) -> NoReturn:
    """Say what is wrong, and end."""
    err.print(Text.assemble(("✗ ", "red"), what), soft_wrap=True)
    raise typer.Exit(code)


def shanghai(instant: datetime) -> str:
    """An instant as it reads in China."""
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
