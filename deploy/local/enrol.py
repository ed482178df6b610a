"""`niangjia enrol`: rosters of one employer or of a whole county, enrolled in mutual aid for a period."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.calling import As, InFederation, acting
from deploy.local.terminal import wrong
from shared.schemas.money import fen

__all__ = ["enrol"]


def enrol(
    rosters: Annotated[list[Path], typer.Argument(show_default=False, help="workbooks, .xlsx, or folders of them")],
    period: Annotated[datetime, typer.Option(show_default=False, formats=["%Y-%m-%d"], help="the period's first day")],
    employer: Annotated[
        str, typer.Option(show_default=False, help="credit code, where all rows are of one employer")
    ] = "",
    employer_part: Annotated[
        str, typer.Option(show_default="as agreed before, or the scheme's", help="of the fee a head, CNY")
    ] = "",
    results: Annotated[
        Path | None, typer.Option(show_default="beside each roster", help="folder for the result workbooks")
    ] = None,
    actor: As = "operator:cli",
    federation: InFederation = "330503",
) -> None:
    """Enrol who is listed in rosters: good rows go in, the others come back with their reasons. It may be done again
    at any time: who is enrolled stays as they are.

    Exit code 0 where every row is in, 2 where some are not.
    """
    try:
        part = fen(employer_part) if employer_part else None
    except ValueError as error:
        wrong(f"--employer-part: {error}")
    if results is not None and not results.is_dir():
        wrong(f"{results} is no folder")
    from deploy.local.enrolling import Order, carry_out  # the libraries for workbooks take a while to load

    order = Order(tuple(rosters), period.date(), employer or None, part, results, acting(actor), federation)
    raise typer.Exit(carry_out(order))
