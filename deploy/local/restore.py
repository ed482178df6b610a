"""`niangjia restore`: the logs of a backup in a database of their own, which then takes the place of the present one.

Nobody who is erased comes back: the keys are those of the newest copy and of the database that is replaced, and whoever
is erased in either is erased in the new one. What happened after the backup comes back from the streams (`recovery`).
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import asyncpg
import typer

from deploy.local.account import Account, own_file
from deploy.local.backup import KEPT, KEYS, Manifest
from deploy.local.home import AlreadyUp, default_home
from deploy.local.pg_tools import ToolFailed, run_tool
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer
from deploy.local.rights import grant
from deploy.local.system import DATABASE
from deploy.local.terminal import out, wrong

__all__ = ["RESTORED", "restore"]

RESTORED: Final = "restored.json"
"""In the home: the manifest of the backup that was restored, until `niangjia recover` has used it."""

CARRIED_AT_ONCE: Final = 10_000


def restore(
    dump: Annotated[Path, typer.Argument(help="of niangjia backup", show_default=False)],
    keys: Annotated[
        Path | None, typer.Option(help="the newest copy of the keys; .niangjia/backup-of-keys/keys.dump")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="without asking")] = False,
) -> None:
    """Put a backup in the place of the database, while no service runs. The one before stays by another name."""
    home = default_home().make()
    keyrings = keys or home.path / "backup-of-keys" / KEYS
    if not keyrings.is_file():
        wrong(f"no copy of the keys at {keyrings}: without it nobody's name can be read")
    manifest = Manifest.beside(dump)
    if not yes:
        typer.confirm(f"The database goes back to {manifest.at:%Y-%m-%d %H:%M} UTC. Restore?", abort=True)
    try:
        before = asyncio.run(_restore(dump, keyrings, manifest))
    except AlreadyUp as error:
        wrong(f"{error}: end it first")
    except asyncpg.ObjectInUseError as error:
        wrong(f"the database is in use, end the services first: {error}")
    except ToolFailed as error:
        wrong(str(error))
    own_file(home.path / RESTORED, Account(), manifest.model_dump_json(indent=2) + "\n")
    out.print(f"restored, as of {manifest.at:%Y-%m-%d %H:%M:%S} UTC", soft_wrap=True)
    if before:
        out.print(f"[dim]the database before is {before}: drop it when it is needed no more[/]", soft_wrap=True)
    out.print("next: start the system, then [cyan]niangjia recover[/], while the services wait for it", soft_wrap=True)


async def _restore(dump: Path, keys: Path, manifest: Manifest) -> str | None:
    async with _server() as url:
        name = urlsplit(url).path.lstrip("/")
        fresh, before = f"{name}_restored", f"{name}_until_{datetime.now(UTC):%Y%m%d_%H%M%S}"
        admin = await asyncpg.connect(_of(url, "postgres"))
        try:
            exists = await admin.fetchval("select true from pg_database where datname = $1", name)
            await admin.execute(f"drop database if exists {fresh}")
            await admin.execute(f"create database {fresh} template template0 strategy file_copy")
            await _fill(_of(url, fresh), fresh, dump, keys, sorted(manifest.positions))
            if exists:
                await _carry_keys(url, _of(url, fresh))
                await admin.execute(f"alter database {name} rename to {before}")
            await admin.execute(f"alter database {fresh} rename to {name}")
        finally:
            await admin.close()
    return before if exists else None


async def _fill(url: str, database: str, dump: Path, keys: Path, programmes: list[str]) -> None:
    await grant(url, database, default_home().secrets("postgres", programmes))
    connection = await asyncpg.connect(url)
    try:
        tables = ", ".join(f"{programme}.{table}" for programme in programmes for table in KEPT)
        await connection.execute(f"truncate {tables}")
    finally:
        await connection.close()
    for file in (dump, keys):
        how = ("--data-only", "--single-transaction", "--exit-on-error", f"--dbname={database}")
        await asyncio.to_thread(run_tool, "pg_restore", url, *how, str(file))


async def _carry_keys(old_url: str, new_url: str) -> None:
    """The keys made since the copy come along; whoever is erased in either database is erased in the new one."""
    old, new = await asyncpg.connect(old_url), await asyncpg.connect(new_url)
    try:
        for (schema,) in await old.fetch("select schemaname from pg_tables where tablename = 'keys'"):
            if not await new.fetchval("select to_regclass($1) is not null", f"{schema}.keys"):
                continue
            async with old.transaction(readonly=True):
                cursor = await old.cursor(f"select subject, wrapped, made_at, erased_at from {schema}.keys")
                while rows := await cursor.fetch(CARRIED_AT_ONCE):
                    await new.executemany(
                        f"insert into {schema}.keys as k values ($1, $2, $3, $4) on conflict (subject)"
                        " do update set wrapped = null, erased_at = excluded.erased_at"
                        " where excluded.erased_at is not null and k.erased_at is null",
                        [tuple(row) for row in rows],
                    )
    finally:
        await old.close()
        await new.close()


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """The system's database, with every right: `DATABASE_URL`, else that of this home, started for it alone."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    home = default_home()
    with home.taken(), PostgresServer(home.path / "postgres", free_port()) as server:
        yield server.url(DATABASE)


def _of(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
