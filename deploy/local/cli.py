"""The command line: `niangjia`."""

import typer

from deploy.local import (
    as_of,
    backup,
    bank_file,
    calling,
    city,
    clock,
    county,
    dead_letters,
    enrol,
    import_roster,
    install,
    logbook,
    provision,
    reconcile,
    recovery,
    replay,
    restore,
    running,
    sizes,
    status,
    streams,
    upkeep,
)
from deploy.local.demo import playing, union_side
from deploy.local.simulation import simulating
from deploy.nats import credentials

__all__ = ["app"]

app = typer.Typer(
    name="niangjia",
    help="娘家: the member programmes of trade union federations, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(rich_help_panel="The system")(running.up)
app.command(rich_help_panel="The system")(playing.demo)
app.command(rich_help_panel="The system")(simulating.simulate)
app.command(rich_help_panel="The system")(union_side.play_union)
app.command(rich_help_panel="The system")(status.status)
app.command(rich_help_panel="The system")(logbook.logs)
app.command(rich_help_panel="The programmes", context_settings=calling.OPEN)(calling.send)
app.command(rich_help_panel="The programmes", context_settings=calling.OPEN)(calling.ask)
app.command(rich_help_panel="The programmes")(import_roster.import_roster)
app.command(rich_help_panel="The programmes")(enrol.enrol)
app.add_typer(bank_file.app, name="bank-file", rich_help_panel="The programmes")

for command in (upkeep.timers, upkeep.rebuild, upkeep.verify, upkeep.erase):
    app.command(rich_help_panel="For operators")(command)
app.command(rich_help_panel="For operators")(credentials.credentials)
app.command(rich_help_panel="For operators")(provision.provision)
app.add_typer(city.app, name="city", rich_help_panel="For operators")
app.add_typer(reconcile.app, name="reconcile", rich_help_panel="For operators")
app.command(rich_help_panel="For operators")(backup.backup)
app.command(rich_help_panel="For operators")(restore.restore)
app.command(rich_help_panel="For operators")(recovery.recover)
app.command(rich_help_panel="For operators")(county.county_secrets)
app.command(rich_help_panel="For operators")(install.install)
app.command(rich_help_panel="For operators")(streams.streams)
app.command(rich_help_panel="For operators")(sizes.sizes)
app.command("as-of", rich_help_panel="For operators")(as_of.as_of)
app.add_typer(replay.app, name="replay", rich_help_panel="For operators")
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel="For operators")
app.add_typer(clock.app, name="clock", rich_help_panel="For operators")
