"""`niangjia bank-file`: what mutual aid pays goes to the bank in a file, and what became of it comes back in one."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from deploy.local.calling import As, InFederation, acting
from deploy.local.terminal import wrong

__all__ = ["app"]

app = typer.Typer(help="Files for a bank and from it.", no_args_is_help=True)

BankCode = Annotated[str, typer.Option(show_default=False, help="the bank's code: see services/aid/banking/banks.toml")]


@app.command()
def write(
    folder: Annotated[Path, typer.Argument(show_default=False, help="where to write: its owner alone may read it")],
    bank: BankCode,
    batch: Annotated[
        UUID | None, typer.Option(show_default="all that waits", help="write the file of this batch again")
    ] = None,
    actor: As = "operator:cli",
    federation: InFederation = "330503",
) -> None:
    """Draw up batches of all instructions that wait, and write each as a file, which only you may read."""
    if not folder.is_dir():
        wrong(f"{folder} is no folder")
    from deploy.local.banking import write_files

    raise typer.Exit(write_files(folder, bank, batch, acting(actor), federation))


@app.command("import")
def import_results(
    file: Annotated[Path, typer.Argument(show_default=False, help="the bank's result file")],
    bank: BankCode,
    actor: As = "operator:cli",
    federation: InFederation = "330503",
) -> None:
    """Record what the bank says: paid, or sent back and why. It may be done again at any time.

    Exit code 0 where every line is recorded, 2 where some are not, or the file is refused whole.
    """
    from deploy.local.banking import import_file

    raise typer.Exit(import_file(file, bank, acting(actor), federation))
