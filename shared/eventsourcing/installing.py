"""The tables and functions of a schema, from `.sql` files that may be run any number of times.

What was installed is kept by digest in `<schema>.installed`. What stands there already is left alone, so that a
service may run under a role that is not allowed to change its own log: whoever owns the schema installs beforehand.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Final

import asyncpg

from shared.eventsourcing.connections import Connection

__all__ = ["NotInstalled", "install_on"]

INSTALL_LOCK: Final = 7010


class NotInstalled(Exception):
    """Tables or functions are missing, or older than this code, and this role may not make them."""


async def install_on(connection: Connection, schema: str, *names: str, package: str = "shared.eventsourcing") -> None:
    """Have what `sql/<name>.sql` of a package makes in a schema; one process at a time. Raises NotInstalled.

    The connection's role owns what is made.
    """
    wanted = {name: files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8") for name in names}
    if not await _missing(connection, schema, wanted):
        return
    missing: Sequence[str] = ()
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", INSTALL_LOCK)
            missing = await _missing(connection, schema, wanted)
            for name in missing:
                await _run(connection, schema, name, wanted[name])
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotInstalled(f"schema {schema} lacks {', '.join(missing)} of this version: {error}") from error


async def _missing(connection: Connection, schema: str, wanted: Mapping[str, str]) -> Sequence[str]:
    present: dict[str, str] = {}
    if await connection.fetchval("select to_regclass($1) is not null", f"{schema}.installed"):
        present = dict(await connection.fetch(f"select name, digest from {schema}.installed"))
    return [name for name, statements in wanted.items() if present.get(name) != _digest(statements)]


async def _run(connection: Connection, schema: str, name: str, statements: str) -> None:
    if not await connection.fetchval("select true from pg_namespace where nspname = $1", schema):
        await connection.execute(f"create schema {schema}")
    await connection.execute(
        f"create table if not exists {schema}.installed"
        " (name text primary key, digest text not null, at timestamptz not null default now())"
    )
    await connection.execute(statements.replace("{schema}", schema))
    await connection.execute(
        f"insert into {schema}.installed (name, digest) values ($1, $2)"
        " on conflict (name) do update set digest = excluded.digest, at = excluded.at",
        *(name, _digest(statements)),
    )


def _digest(statements: str) -> str:
    return sha256(statements.encode()).hexdigest()
