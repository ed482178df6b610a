"""`niangjia status`: what runs, whether it is well, how far each follower is behind, and how much there is to do."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import httpx
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.child import missing_at
from deploy.local.figures import Figures, figures_at
from deploy.local.home import Place, Run, default_home
from deploy.local.running import places
from deploy.local.terminal import NO_ANSWER, WRONG, Output, err, out, wrong

__all__ = ["status"]

BEAT: Final = 2.0
"""Seconds between looks."""
RATE_SPAN: Final = 1.0
"""Seconds over which a single look counts."""
SERVICES: Final = "NIANGJIA_SERVICES"
"""Where services are that were not started here: `loan=http://10.0.0.5:9100 registry=http://…`."""
SHOWN_LAGS: Final = 12


@dataclass(frozen=True)
class Look:
    """All parts at one moment."""

    run: Run | None
    health: Mapping[str, str]
    """By part, what it lacks; empty when it is well."""
    figures: Mapping[str, Figures]
    """By service; without those that do not answer."""

    @property
    def is_well(self) -> bool:
        return not any(self.health.values())


def status(
    once: Annotated[bool, typer.Option("--once", help="one look, as when the output is no terminal")] = False,
    output: Output = "text",
) -> None:
    """What runs, whether it is well, and how it keeps up; renewed until Ctrl-C.

    Exit code of a single look: 0 if all is ready, 1 if not, 3 if nothing runs. Services elsewhere are named by
    NIANGJIA_SERVICES.
    """
    run, addresses = default_home().run(), _elsewhere()
    if run is None and not addresses:
        if output == "json":
            out.print_json(json.dumps({"up": False}))
        else:
            err.print(f"nothing runs in {default_home().path}: start it with [cyan]niangjia up[/]", soft_wrap=True)
        raise typer.Exit(NO_ANSWER)
    if output == "text" and out.is_terminal and not once:
        try:
            asyncio.run(_watch(addresses))
        except KeyboardInterrupt:
            raise typer.Exit from None
    else:
        look = asyncio.run(_single(addresses))
        if output == "json":
            out.print_json(json.dumps(_json(look)))
        else:
            out.print(_shown(look))
        raise typer.Exit(0 if look.is_well else WRONG)


def _elsewhere() -> dict[str, str]:
    try:
        return dict(pair.split("=", 1) for pair in os.environ.get(SERVICES, "").split())
    except ValueError:
        wrong(f"{SERVICES} is name=http://host:port, separated by spaces")


async def _watch(addresses: Mapping[str, str]) -> None:
    with Live(console=out, auto_refresh=False, vertical_overflow="visible") as live:
        async for look in _looks(addresses, BEAT):
            live.update(_shown(look), refresh=True)


async def _single(addresses: Mapping[str, str]) -> Look:
    """The second of two looks, so that there are rates."""
    async with aclosing(_looks(addresses, RATE_SPAN)) as looks:
        await anext(looks)
        return await anext(looks)


async def _looks(addresses: Mapping[str, str], beat: float) -> AsyncGenerator[Look]:
    figures: dict[str, Figures] = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            run = default_home().run()
            parts = _parts(run, addresses)
            healths = await asyncio.gather(*(_missing(place) for place in parts))
            services = [place for place in parts if place.health.startswith("http") and "/health/" in place.health]
            found = await asyncio.gather(*(figures_at(http, _base(one), figures.get(one.name)) for one in services))
            figures = {one.name: seen for one, seen in zip(services, found, strict=True) if seen is not None}
            yield Look(run, {place.name: why for place, why in zip(parts, healths, strict=True)}, figures)
            await asyncio.sleep(beat)


def _parts(run: Run | None, addresses: Mapping[str, str]) -> list[Place]:
    if addresses or run is None:
        return [
            Place(name=name, pid=0, health=f"{address.rstrip('/')}/health/ready", where=address)
            for name, address in addresses.items()
        ]
    return run.places


def _base(place: Place) -> str:
    address = urlsplit(place.health)
    return f"{address.scheme}://{address.netloc}"


async def _missing(place: Place) -> str:
    return await missing_at(place.health) if place.pid is not None else "not running"


# What a person sees


def _shown(look: Look) -> RenderableType:
    parts: list[RenderableType] = []
    if look.run is not None:
        ran = _length((datetime.now(UTC) - look.run.since).total_seconds())
        parts += [
            Text.assemble("up for ", (ran, "bold"), f", pid {look.run.pid}, clock {look.run.clock}"),
            Text(),
            places(look.run, dict(look.health)),
            Text(),
        ]
    parts += [_services(look), Text(), _followers(look)]
    if any(figures.by("niangjia_provider_open", "provider") for figures in look.figures.values()):
        parts += [Text(), _providers(look)]
    return Group(*parts)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("service", "follower", "of", "provider") else "right")
    return table


def _services(look: Look) -> Table:
    table = _table("service", "position", "commands/s", "refused/s", "99 %", "queries/s", "late", "letters")
    for name, figures in look.figures.items():
        quantile = figures.quantile("niangjia_command_seconds", 0.99)
        late = int(figures.value("niangjia_timers_late"))
        table.add_row(
            Text(name, "bold" if not look.health.get(name) else "bold red"),
            f"{int(figures.value('niangjia_position', follower='log')):,}",
            _rate(figures.rate("niangjia_commands_total")),
            _rate(_refused(figures)),
            "" if quantile is None else f"{quantile * 1000:g} ms",
            _rate(figures.rate("niangjia_queries_total")),
            Text(f"{late:,}", "yellow") if late else "",
            _letters(figures),
        )
    return table


def _refused(figures: Figures) -> float | None:
    rates = [figures.rate("niangjia_commands_total")]
    rates += [figures.rate("niangjia_commands_total", outcome=outcome) for outcome in ("accepted", "duplicate")]
    known = [rate for rate in rates if rate is not None]
    return max(known[0] - sum(known[1:]), 0.0) if known else None


def _letters(figures: Figures) -> Text:
    counts = {state: int(n) for (state,), n in figures.by("niangjia_letters", "state").items() if state != "skipped"}
    shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()) if count)
    return Text(shown, "red" if counts.get("dead") else "yellow")


def _followers(look: Look) -> RenderableType:
    behind = [(name, lag) for name, figures in look.figures.items() for lag in figures.lags() if lag.events > 0]
    behind.sort(key=lambda one: -one[1].seconds)
    if not behind:
        count = sum(len(figures.lags()) for figures in look.figures.values())
        return Text(f"{count} followers (relays, views, timers, seals, consumers), none behind", "green")
    table = _table("follower", "of", "events behind", "for")
    for name, lag in behind[:SHOWN_LAGS]:
        style = "red" if lag.seconds > 60 else "yellow"
        table.add_row(f"{lag.kind} {lag.follower}", name, f"{lag.events:,}", Text(_length(lag.seconds), style))
    if len(behind) > SHOWN_LAGS:
        table.add_row(f"and {len(behind) - SHOWN_LAGS} more")
    return table


def _providers(look: Look) -> Table:
    table = _table("provider", "messages/s", "failed/s", "")
    for figures in look.figures.values():
        for (channel, provider), is_open in figures.by("niangjia_provider_open", "channel", "provider").items():
            total = figures.rate("niangjia_provider_messages_total", provider=provider)
            sent = figures.rate("niangjia_provider_messages_total", provider=provider, outcome="sent")
            failed = total - sent if total is not None and sent is not None else None
            state = Text("open", "green") if is_open else Text("in doubt", "red")
            table.add_row(f"{channel} {provider}", _rate(total), _rate(failed), state)
    return table


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:,.1f}" if rate < 100 else f"{rate:,.0f}"


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


# What a script reads


def _json(look: Look) -> dict[str, Any]:
    run = look.run
    parts = [place.model_dump() | {"missing": look.health.get(place.name, "")} for place in run.places] if run else []
    return {
        "up": True,
        "well": look.is_well,
        "pid": run.pid if run else None,
        "since": run.since.isoformat() if run else None,
        "parts": parts,
        "services": {name: _service(figures, look.health.get(name, "")) for name, figures in look.figures.items()},
    }


def _service(figures: Figures, missing: str) -> dict[str, Any]:
    return {
        "missing": missing,
        "position": int(figures.value("niangjia_position", follower="log")),
        "commands_per_second": figures.rate("niangjia_commands_total"),
        "refused_per_second": _refused(figures),
        "command_seconds_99": figures.quantile("niangjia_command_seconds", 0.99),
        "queries_per_second": figures.rate("niangjia_queries_total"),
        "timers_late": int(figures.value("niangjia_timers_late")),
        "letters": {state: int(count) for (state,), count in figures.by("niangjia_letters", "state").items()},
        "lags": [asdict(lag) for lag in figures.lags()],
        "providers": {
            provider: bool(is_open) for (provider,), is_open in figures.by("niangjia_provider_open", "provider").items()
        },
    }
