"""`niangjia timers`, `rebuild`, `verify` and `erase`: what an operator does to a running system's data."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from deploy.local.calling import Call, carry_out
from deploy.local.languages import find
from deploy.local.reach import database, schemas_with
from deploy.local.terminal import WRONG, Output, out, shanghai, wrong
from shared.eventsourcing.seal_chain import Seal
from shared.eventsourcing.verification import Broken, Verified
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import ErasureGround

__all__ = ["erase", "rebuild", "timers", "verify"]


def timers(
    programme: Annotated[str, typer.Argument(help="one alone", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, help="how many of each programme")] = 30,
    output: Output = "text",
) -> None:
    """What will happen by itself: deadlines that have not fired, the first due first."""
    rows = asyncio.run(_timers(programme, limit))
    if output == "json":
        out.print_json(json.dumps(rows, default=str))
        return
    if not rows:
        out.print("no timer waits")
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("due in China", "programme", "command", "tried", "error"):
        table.add_column(heading, justify="right" if heading == "tried" else "left", overflow="fold")
    for row in rows:
        what = Text.assemble(row["command"], "\n", (row["key"], "dim"))
        error = Text(row["error"] or "", "red")
        table.add_row(shanghai(row["due"]), row["programme"], what, str(row["attempts"] or ""), error)
    out.print(table)


async def _timers(programme: str, limit: int) -> list[dict[str, Any]]:
    async with database() as pool:
        rows = [
            {"programme": name, **row}
            for name in await schemas_with(pool, "timers", programme)
            for row in await pool.fetch(
                f"select key, due, command, attempts, error from {name}.timers"
                " where fired_at is null order by due, key limit $1",
                limit,
            )
        ]
    return sorted(rows, key=lambda row: row["due"])


def rebuild(
    programme: Annotated[str, typer.Argument(show_default=False)],
    view: Annotated[str, typer.Argument(help="one read model alone", show_default=False)] = "",
) -> None:
    """Fill read models anew from the log. The old ones serve until each new one takes its place."""
    from deploy.local.passes import rebuild_views  # the services' own libraries take half a second to load

    asyncio.run(rebuild_views(programme, view))


def verify(
    programme: Annotated[str, typer.Argument(help="one alone", show_default=False)] = "",
    anchor: Annotated[list[str] | None, typer.Option(help="a seal that was written down: position:digest")] = None,
) -> None:
    """Prove that no event was altered, removed, added or moved, and that what was published is the same."""
    anchors = [_seal(text) for text in anchor or []]
    if anchors and not programme:
        wrong("an anchor is of one programme: name it")
    from deploy.local.passes import verify_logs  # the services' own libraries take half a second to load

    results = asyncio.run(verify_logs(programme, anchors))
    for name, result in results.items():
        out.print(_told(name, result), soft_wrap=True)
    raise typer.Exit(WRONG if any(isinstance(result, Broken) for result in results.values()) else 0)


def _told(programme: str, result: Verified | Broken) -> Text:
    match result:
        case Broken(position, why):
            return Text.assemble(("✗ ", "bold red"), (programme, "bold"), f" is broken at position {position}: {why}")
        case Verified(head, sealed, published):
            waiting = f", {head.position - sealed} of them not sealed yet" if head.position > sealed else ""
            sent = f", {published} published alike" if published is not None else ""
            return Text.assemble(
                ("✓ ", "bold green"),
                (programme, "bold"),
                f" is whole: {head.position} events{waiting}{sent}\n",
                (f"  seal {head}", "dim"),
            )


def _seal(text: str) -> Seal:
    position, _, digest = text.partition(":")
    try:
        return Seal(int(position), bytes.fromhex(digest))
    except ValueError:
        wrong(f"{text!r} is no seal such as 1000:9f86d0…")


def erase(
    member_id: Annotated[UUID, typer.Argument(show_default=False)],
    ground: Annotated[ErasureGround, typer.Option(help="个人信息保护法 第47条")] = ErasureGround.CONSENT_WITHDRAWN,
    federation: Annotated[str, typer.Option(envvar="NIANGJIA_FEDERATION")] = "330503",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="without asking")] = False,
    output: Output = "text",
) -> None:
    """Erase all that names or describes a person, for good."""
    if not yes:
        typer.confirm(f"All that names or describes {member_id} is destroyed for good. Erase?", abort=True)
    content = {"member_id": str(member_id), "ground": ground.value}
    actor = Actor(role=Role.OPERATOR, id="cli")
    carry_out(Call("send", find("send", "registry", "EraseMember"), content, actor, federation, new_id()), 10, output)
