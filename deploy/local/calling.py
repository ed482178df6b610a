"""`niangjia send` and `niangjia ask`: any command or query, by name, from the command line."""

import asyncio
import json
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer
from nats.errors import NoRespondersError
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from deploy.local import words
from deploy.local.fields import Field
from deploy.local.languages import Message, Unknown, find, messages, programmes
from deploy.local.reach import connection
from deploy.local.terminal import NO_ANSWER, REFUSED, Output, err, out, wrong
from shared.runtime.client import Client, NoAnswer
from shared.runtime.envelope import Envelope
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Actor, Refusal

__all__ = ["As", "Call", "InFederation", "acting", "ask", "call", "carry_out", "send"]


@dataclass(frozen=True)
class Call:
    """What is to be sent, by whom and to which federation."""

    verb: str
    message: Message
    content: Any
    actor: Actor
    federation: str
    id: UUID
    after: int = 0


Programme = Annotated[str, typer.Argument(show_default=False)]
Name = Annotated[str, typer.Argument(show_default=False)]
Json = Annotated[str, typer.Option("--json", help="the content: JSON, @file, or - for standard input")]
As = Annotated[str, typer.Option("--as", metavar="ROLE:ID", help="who acts")]
InFederation = Annotated[str, typer.Option(envvar="NIANGJIA_FEDERATION", help="the federation's division code")]
Patience = Annotated[float, typer.Option(help="seconds to wait for an answer")]


def send(
    context: typer.Context,
    programme: Programme = "",
    name: Name = "",
    json: Json = "",
    actor: As = "operator:cli",
    federation: InFederation = "330503",
    command_id: Annotated[str, typer.Option(help="sent again under the same id, it is done once")] = "",
    patience: Patience = 10.0,
    output: Output = "text",
) -> None:
    """Send a command. Without a name, lists them; with one and --help, shows its fields."""
    message = _found("send", programme, name, context)
    content = _content(message, json, context.args)
    carry_out(Call("send", message, content, acting(actor), federation, _id(command_id)), patience, output)


def ask(
    context: typer.Context,
    programme: Programme = "",
    name: Name = "",
    json: Json = "",
    actor: As = "operator:cli",
    federation: InFederation = "330503",
    after: Annotated[int, typer.Option(min=0, help="wait until this position can be read")] = 0,
    patience: Patience = 10.0,
    output: Output = "text",
) -> None:
    """Ask a query. Without a name, lists them; with one and --help, shows its fields."""
    message = _found("ask", programme, name, context)
    content = _content(message, json, context.args)
    carry_out(Call("ask", message, content, acting(actor), federation, new_id(), after), patience, output)


async def call(client: Client, one: Call) -> tuple[str, bytes]:
    """Send as it is, so that the service's own validation answers: status and reply. Raises NoAnswer."""
    headers = Envelope.fresh(one.actor, one.federation, one.id).headers()
    if one.after:
        headers["after"] = str(one.after)
    body = json.dumps(one.content, ensure_ascii=False).encode()
    return await client.call(one.message.subject(one.verb, one.federation), body, headers)


def carry_out(one: Call, patience: float, output: str) -> NoReturn:
    """Make the call, show the reply, and end the command with its exit code."""
    raise typer.Exit(asyncio.run(_carry_out(one, patience, output)))


async def _carry_out(one: Call, patience: float, output: str) -> int:
    async with connection() as broker:
        try:
            with err.status(f"{one.message.programme} {one.message.name}"):
                status, reply = await call(Client(broker, timeout=max(patience, 0.1), patience=patience), one)
        except NoAnswer as error:
            nobody = isinstance(error.__cause__, NoRespondersError)
            why = "nobody listens there" if nobody else f"none within {patience:g} s"
            err.print(f"[red]✗[/] no answer from {one.message.programme}: {why}; see niangjia status", soft_wrap=True)
            if one.verb == "send":
                err.print("If it was carried out is unknown. Sent again with the same id it is done once:")
                err.print(f"  --command-id {one.id}", soft_wrap=True)
            return NO_ANSWER
    if output == "json":
        out.out(reply.decode(), highlight=False)
    else:
        _show(one, status, reply)
    return REFUSED if status == "refused" else 0


def _show(one: Call, status: str, reply: bytes) -> None:
    match status:
        case "accepted":
            out.print(words.accepted(Accepted.model_validate_json(reply), one.id))
        case "refused":
            err.print(words.refused(one.message, one.verb, Refusal.model_validate_json(reply)))
        case _:
            out.print(words.answered(json.loads(reply), out))


def _found(verb: str, programme: str, name: str, context: typer.Context) -> Message:
    """The message that is meant; lists and help end the command."""
    try:
        if not programme or programme == "--help":
            _list(verb, programmes())
            raise typer.Exit
        if not name or name == "--help":
            messages(verb, programme)
            _list(verb, [programme])
            raise typer.Exit
        message = find(verb, programme, name)
    except Unknown as unknown:
        wrong(str(unknown))
    if "--help" in context.args:
        _help(verb, message)
        raise typer.Exit
    return message


def _content(message: Message, given: str, arguments: list[str]) -> Any:
    content = _json(given) if given else {}
    options = _options(message, arguments)
    if options and not isinstance(content, dict):
        wrong("fields can only be added to a JSON object")
    return {**content, **options} if options else content


def _json(given: str) -> Any:
    try:
        match given:
            case "-":
                return json.load(sys.stdin)
            case _ if given.startswith("@"):
                return json.loads(Path(given[1:]).read_text(encoding="utf-8"))
        return json.loads(given)
    except OSError as error:
        wrong(f"cannot read {given[1:]}: {error.strerror}")
    except ValueError as error:
        wrong(f"not JSON: {error}")


def _options(message: Message, arguments: list[str]) -> dict[str, Any]:
    """`--line-id 0198… --amount=5000 --skilled --no-shared --tag a --tag b` to JSON."""
    fields = {field.option: field for field in message.fields.values()}
    content: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        denied = fields.get(f"--{option.removeprefix('--no-')}") if option.startswith("--no-") else None
        if denied is not None and denied.is_flag and not equals:
            content[denied.name] = False
            continue
        field = fields.get(option)
        if field is None:
            _unknown_option(message, option, list(fields))
        if not equals and field.is_flag and (not rest or rest[0].startswith("--")):
            content[field.name] = True
        elif not equals and not rest:
            wrong(f"{option} wants a value: {field.words}")
        else:
            _put(content, field, value if equals else rest.pop(0))
    return content


def _put(content: dict[str, Any], field: Field, text: str) -> None:
    if not field.is_list:
        content[field.name] = field.read(text)
    elif text.startswith("["):
        content[field.name] = _json(text)
    else:
        content.setdefault(field.name, []).append(field.read(text))


def _unknown_option(message: Message, option: str, known: list[str]) -> NoReturn:
    near = get_close_matches(option, known, 2, 0.5)
    hint = f": did you mean {' or '.join(near)}?" if near else f"; it has {', '.join(known) or 'none'}"
    wrong(f"{message.name} has no field {option}{hint}" if option.startswith("-") else f"{option!r} follows no option")


def acting(text: str) -> Actor:
    try:
        return Actor.parse(text)
    except (ValueError, ValidationError):
        wrong(f"--as wants role:id, such as officer:li, not {text!r}")


def _id(text: str) -> UUID:
    try:
        return UUID(text) if text else new_id()
    except ValueError:
        wrong(f"--command-id is a UUID, not {text!r}")


def _list(verb: str, names: list[str]) -> None:
    for programme in names:
        table = Table(title=programme, title_justify="left", title_style="bold", box=None, show_header=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for name in messages(verb, programme):
            table.add_row(name, Text(find(verb, programme, name).doc.partition("\n\n")[0].replace("\n", " ")))
        if table.row_count:
            out.print(table)
            out.print()
    what = "Command" if verb == "send" else "Query"
    out.print(Text(f"niangjia {verb} {names[0] if len(names) == 1 else '<programme>'} <{what}> --help", "dim"))


def _help(verb: str, message: Message) -> None:
    out.print(Text.assemble(("niangjia ", "dim"), f"{verb} {message.programme} ", (message.name, "bold")))
    if message.doc:
        out.print(Text(message.doc))
        out.print()
    out.print(Text.assemble("open to ", (", ".join(message.roles), "cyan")))
    if message.fields:
        out.print()
        out.print(_fields(message))
    needed = [field.on_the_command_line() for field in message.fields.values() if field.required]
    who = "" if "operator" in message.roles else f" --as {message.roles[0]}:…"
    lines = [f"niangjia {verb} {message.programme} {message.name}{who}", *needed]
    out.print()
    out.print(Text("for example", "dim"))
    out.print(Text("  " + " \\\n    ".join(lines), "green"), soft_wrap=True)  # to be copied: no line may be broken
    content = "the content as JSON: --json '{…}', --json @file or --json -"
    out.print()
    out.print(Text(f"{content}\nwho acts and where: --as role:id --federation 330503", "dim"))


def _fields(message: Message) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("field", "", "type"):
        table.add_column(heading, no_wrap=heading != "type")
    table.add_column("", ratio=1, overflow="fold")
    for field in message.fields.values():
        table.add_row(
            Text(field.option, "cyan"),
            Text("needed", "red") if field.required else "",
            Text(field.words),
            Text(field.doc, "dim"),
        )
    return table
