"""The command line: `niangjia`. What a command needs is imported when that command is called: all of it together takes
a second and more."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["COMMANDS", "app"]

SYSTEM: Final = "The system"
PROGRAMMES: Final = "The programmes"
OPERATORS: Final = "For operators"
OPEN: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Settings of a command that reads options it was not told of, `--help` among them."""


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a function or a group of commands stands, as `module:name`, and under which heading it is listed."""

    panel: str
    place: str
    settings: dict[Any, Any] | None = None

    def made(self, name: str) -> Any:
        module, attribute = self.place.split(":")
        found = getattr(import_module(f"deploy.{module}"), attribute)
        command: Any
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_show_locals=False)
            alone.command(name, context_settings=self.settings)(found)
            command = typer.main.get_command(alone)
        command.name, command.rich_help_panel = name, self.panel
        return command


COMMANDS: Final = {
    "up": _Command(SYSTEM, "local.running:up"),
    "demo": _Command(SYSTEM, "local.demo.playing:demo"),
    "simulate": _Command(SYSTEM, "local.simulation.simulating:simulate"),
    "play-union": _Command(SYSTEM, "local.demo.union_side:play_union"),
    "status": _Command(SYSTEM, "local.status:status"),
    "logs": _Command(SYSTEM, "local.logbook:logs"),
    "send": _Command(PROGRAMMES, "local.calling:send", OPEN),
    "ask": _Command(PROGRAMMES, "local.calling:ask", OPEN),
    "import-roster": _Command(PROGRAMMES, "local.import_roster:import_roster"),
    "enrol": _Command(PROGRAMMES, "local.enrol:enrol"),
    "bank-file": _Command(PROGRAMMES, "local.bank_file:app"),
    "timers": _Command(OPERATORS, "local.upkeep:timers"),
    "rebuild": _Command(OPERATORS, "local.upkeep:rebuild"),
    "verify": _Command(OPERATORS, "local.upkeep:verify"),
    "erase": _Command(OPERATORS, "local.upkeep:erase"),
    "credentials": _Command(OPERATORS, "nats.credentials:credentials"),
    "provision": _Command(OPERATORS, "local.provision:provision"),
    "city": _Command(OPERATORS, "local.city:app"),
    "reconcile": _Command(OPERATORS, "local.reconcile:app"),
    "backup": _Command(OPERATORS, "local.backup:backup"),
    "restore": _Command(OPERATORS, "local.restore:restore"),
    "recover": _Command(OPERATORS, "local.recovery:recover"),
    "county-secrets": _Command(OPERATORS, "local.county:county_secrets"),
    "install": _Command(OPERATORS, "local.install:install"),
    "streams": _Command(OPERATORS, "local.streams:streams"),
    "sizes": _Command(OPERATORS, "local.sizes:sizes"),
    "as-of": _Command(OPERATORS, "local.as_of:as_of"),
    "replay": _Command(OPERATORS, "local.replay:app"),
    "dead-letters": _Command(OPERATORS, "local.dead_letters:app"),
    "clock": _Command(OPERATORS, "local.clock:app"),
}


class _Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = COMMANDS.get(cmd_name)
        return None if found is None else found.made(cmd_name)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def niangjia() -> None:
    """娘家: the member programmes of trade union federations, on this machine."""
