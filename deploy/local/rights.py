"""Who may do what in PostgreSQL: a service reaches the schema of its name alone, and can't change what its log holds.
Who may do what on the broker is said in `deploy.nats.accounts`.
"""

from collections.abc import Mapping
from typing import Final

from shared.eventsourcing.connections import Connection, connected
from shared.eventsourcing.installing import install_on

__all__ = ["OBSERVERS", "RIGHTS", "grant"]

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
BESIDE: Final[Mapping[str, Mapping[str, str]]] = {"notify": {"ledger": "select, insert, update, delete"}}
"""Tables that one service has beside those, each of the file of its name in the service's package."""

OBSERVERS: Final = "observers"
"""A role without a login, of those who look after the system: reads what is sealed or names nobody, changes none."""
OBSERVED: Final = ("events", "commits", "seals", "checkpoints", "read_models", "timers", "letters")


async def grant(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Make roles, and schemas with their tables, named like the services. May be repeated, and is after an upgrade.

    `<service>_owner`, as whom nobody logs in, owns the log and whatever else is installed; the service itself may
    add events and never change one, and owns the read models that it makes for itself. Raises what asyncpg raises.
    """
    async with connected(admin_url) as admin:
        await admin.execute(f"revoke all on database {database} from public")
        await _make_role(admin, OBSERVERS, "nologin")
        await admin.execute(f"grant connect on database {database} to {OBSERVERS}")
        for name, password in passwords.items():
            await _make_roles(admin, database, name, password)
            await _own(admin, name)
            await admin.execute(f"set role {name}_owner")
            await install_on(admin, name, "tables", "append", "read_models", "seals", "keys", "timers")
            await install_on(admin, name, "letters", package="shared.runtime")
            beside = BESIDE.get(name, {})
            if beside:
                await install_on(admin, name, *beside, package=f"services.{name}")
            await admin.execute(f"grant usage, create on schema {name} to {name}")
            for table, rights in {**RIGHTS, **beside}.items():
                await admin.execute(f"grant {rights} on {name}.{table} to {name}")
            await admin.execute(f"grant usage on schema {name} to {OBSERVERS}")
            for table in OBSERVED:
                await admin.execute(f"grant select on {name}.{table} to {OBSERVERS}")
            await admin.execute("reset role")


async def _make_roles(admin: Connection, database: str, name: str, password: str) -> None:
    await _make_role(admin, name, "login")
    await _make_role(admin, f"{name}_owner", "nologin")
    quoted = await admin.fetchval("select quote_literal($1)", password)
    await admin.execute(f"alter role {name} password {quoted}")
    await admin.execute(f"revoke all on database {database} from {name}")
    await admin.execute(f"grant connect, temporary on database {database} to {name}")


async def _make_role(admin: Connection, role: str, login: str) -> None:
    if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
        await admin.execute(f"create role {role} {login}")


async def _own(admin: Connection, name: str) -> None:
    """Give the schema to its owner, with what the service may own from a time when it owned all."""
    owner = f"{name}_owner"
    await admin.execute(f"create schema if not exists {name} authorization {owner}")
    await admin.execute(f"alter schema {name} owner to {owner}")
    for table in {**RIGHTS, **BESIDE.get(name, {})}:
        await admin.execute(f"alter table if exists {name}.{table} owner to {owner}")
    functions = await admin.fetch(
        "select oid::regprocedure::text from pg_proc where pronamespace = $1::regnamespace", name
    )
    for (function,) in functions:
        await admin.execute(f"alter function {function} owner to {owner}")
