"""Who may do what: each service is a user of its own on both servers, and reaches nothing that is another's.

In PostgreSQL a service reaches the schema of its name alone, and can't change what its log holds. On the broker it
hears its own commands and queries, publishes its own events, asks other services, and consumes their streams; only
whoever operates the system sets the clock or removes anything. Inboxes are shared, and a service could spoil another's
consumer: to part those too, each service would need an account.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.eventsourcing.connections import Connection, open_connection
from shared.eventsourcing.installing import install_on
from shared.eventsourcing.wire import stream_name
from shared.runtime.clock import BUCKET

__all__ = ["OPERATOR", "RIGHTS", "broker_users", "grant"]

OPERATOR: Final = "operator"

RIGHTS: Final[Mapping[str, str]] = {
    "events": "select, insert",
    "commits": "select, insert",
    "seals": "select",
    "keys": "select, insert, update",
    "checkpoints": "select, insert, update",
    "read_models": "select, insert, update, delete",
    "timers": "select, insert, update, delete",
    "letters": "select, insert, update, delete",
    "installed": "select",
}
"""What a service may do with each table that is installed in its schema."""


def broker_users(passwords: Mapping[str, str]) -> str:
    """A block of nats-server's configuration: OPERATOR and the services, by name."""
    users = "\n".join(
        _user(name, password, *(_OPERATORS if name == OPERATOR else _services(name)))
        for name, password in passwords.items()
    )
    return f"authorization {{\n  users: [\n{users}\n  ]\n}}"


_OPERATORS: Final = (("cmd.>", "qry.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", f"$KV.{BUCKET}.>"), ("evt.>", "_INBOX.>"))


def _services(name: str) -> tuple[Sequence[str], Sequence[str]]:
    """What a service may publish on, and what it may subscribe to."""
    stream, clock = stream_name(name), f"KV_{BUCKET}"
    streams = [f"$JS.API.STREAM.{call}.{one}" for call in ("CREATE", "MSG.GET") for one in (stream, clock)]
    publish = (
        f"evt.*.{name}.>",
        "cmd.*.*.*",
        "qry.*.*.*",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.INFO.*",
        *streams,
        f"$JS.API.STREAM.UPDATE.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.DIRECT.GET.{clock}.>",
        "$JS.API.CONSUMER.>",
        "$JS.ACK.>",
        "$JS.FC.>",
    )
    return publish, (f"cmd.*.{name}.*", f"qry.*.{name}.*", "_INBOX.>")


def _user(name: str, password: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
    def listed(subjects: Sequence[str]) -> str:
        return ", ".join(f'"{subject}"' for subject in subjects)

    return (
        f'    {{ user: "{name}", password: "{password}", permissions: {{\n'
        f"        publish: {{ allow: [{listed(publish)}] }},\n"
        f"        subscribe: {{ allow: [{listed(subscribe)}] }},\n"
        "        allow_responses: true } }"
    )


async def grant(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Make roles, and schemas with their tables, named like the services. May be repeated, and is after an upgrade.

    `<service>_owner`, as whom nobody logs in, owns the log and whatever else is installed; the service itself may
    add events and never change one, and owns the read models that it makes for itself. Raises what asyncpg raises.
    """
    admin = await open_connection(admin_url)
    try:
        await admin.execute(f"revoke all on database {database} from public")
        for name, password in passwords.items():
            await _make_roles(admin, database, name, password)
            await _own(admin, name)
            await admin.execute(f"set role {name}_owner")
            await install_on(admin, name, "tables", "append", "read_models", "seals", "keys", "timers")
            await install_on(admin, name, "letters", package="shared.runtime")
            await admin.execute(f"grant usage, create on schema {name} to {name}")
            for table, rights in RIGHTS.items():
                await admin.execute(f"grant {rights} on {name}.{table} to {name}")
            await admin.execute("reset role")
    finally:
        await admin.close()


async def _make_roles(admin: Connection, database: str, name: str, password: str) -> None:
    for role, login in ((name, "login"), (f"{name}_owner", "nologin")):
        if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
            await admin.execute(f"create role {role} {login}")
    quoted = await admin.fetchval("select quote_literal($1)", password)
    await admin.execute(f"alter role {name} password {quoted}")
    await admin.execute(f"revoke all on database {database} from {name}")
    await admin.execute(f"grant connect, temporary on database {database} to {name}")


async def _own(admin: Connection, name: str) -> None:
    """Give the schema to its owner, with what the service may own from a time when it owned all."""
    owner = f"{name}_owner"
    await admin.execute(f"create schema if not exists {name} authorization {owner}")
    await admin.execute(f"alter schema {name} owner to {owner}")
    for table in RIGHTS:
        await admin.execute(f"alter table if exists {name}.{table} owner to {owner}")
    functions = await admin.fetch(
        "select oid::regprocedure::text from pg_proc where pronamespace = $1::regnamespace", name
    )
    for (function,) in functions:
        await admin.execute(f"alter function {function} owner to {owner}")
