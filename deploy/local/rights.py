"""Who may do what: each service is a user of its own on both servers, and reaches nothing that is another's.

In PostgreSQL a service's role owns the schema of its name. On the broker it hears its own commands and queries,
publishes its own events, asks other services, and consumes their streams; only whoever operates the system sets the
clock or removes anything. Inboxes are shared, and a service could spoil another's consumer: to part those too,
each service would need an account.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from shared.eventsourcing.wire import stream_name
from shared.runtime.clock import BUCKET

__all__ = ["OPERATOR", "broker_users", "grant"]

OPERATOR: Final = "operator"


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
    """Make roles and their schemas, named like the services; each sees its own schema alone. May be repeated."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"revoke all on database {database} from public")
        for name, password in passwords.items():
            if not await admin.fetchval("select true from pg_roles where rolname = $1", name):
                await admin.execute(f"create role {name} login")
            await admin.execute(f"alter role {name} password '{password}'")
            # CREATE: a service makes its schema where it is missing, and PostgreSQL asks for the right even if not.
            await admin.execute(f"grant connect, create, temporary on database {database} to {name}")
            await admin.execute(f"create schema if not exists {name} authorization {name}")
    finally:
        await admin.close()
