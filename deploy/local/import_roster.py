"""`niangjia import-roster`: a union's roster of its members, from the Excel workbook that it keeps."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from deploy.local.calling import As, InFederation, acting
from deploy.local.terminal import wrong

__all__ = ["import_roster"]


def import_roster(
    file: Annotated[Path, typer.Argument(show_default=False, help="the workbook, .xlsx")],
    union: Annotated[UUID, typer.Option(show_default=False, help="the union whose roster it is")],
    result: Annotated[
        Path | None,
        typer.Option(show_default="beside the roster", help="the workbook that says what came of each row"),
    ] = None,
    actor: As = "operator:cli",
    federation: InFederation = "330503",
) -> None:
    """Import a roster: good rows go in, bad ones come back with their reasons. It may be done again at any time.

    Exit code 0 where every row is in, 2 where some are not.
    """
    given_back = result or file.with_name(f"{file.stem}-导入结果.xlsx")
    if given_back.resolve() == file.resolve():
        wrong("the result would take the place of the roster")
    from deploy.local.importing import carry_out  # the libraries for workbooks take a while to load

    raise typer.Exit(carry_out(file, union, given_back, acting(actor), federation))
