"""`niangjia backup`: the logs of all services as of one moment, and the persons' keys apart from them.

What can be derived again is left out: read models hold names and numbers in clear, and a copy of them would outlive
an erasure. Of the keys the newest copy alone is kept, for the same reason: a log, however old, is read with it.
"""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Self

import asyncpg
import typer
from nats.aio.client import Client as Connection
from nats.js.errors import NotFoundError
from pydantic import BaseModel, ValidationError

from deploy.local.account import Account, own_file, own_folder
from deploy.local.home import default_home
from deploy.local.pg_tools import ToolFailed, run_tool
from deploy.local.reach import connection, database, database_url, schemas_with
from deploy.local.terminal import out, wrong
from shared.eventsourcing.wire import stream_name

__all__ = ["KEPT", "KEYS", "Manifest", "backup", "durable_consumers"]

KEPT: Final = ("events", "commits", "checkpoints", "seals", "timers", "letters")
"""The tables of each service that nothing else gives back."""
KEYS: Final = "keys.dump"
CONSUMERS_AT_ONCE: Final = 256


class Manifest(BaseModel):
    """What a backup holds, beside it under the same name: `<name>.dump`, `<name>.json`."""

    at: datetime
    """UTC, before the moment that the backup shows."""
    positions: dict[str, int]
    """By service, at least."""
    consumers: dict[str, dict[str, int]]
    """By stream and consumer, the sequence up to which it had heard all, at least."""
    sha256: str
    """Of the dump."""

    @classmethod
    def beside(cls, dump: Path) -> Self:
        """Ends the command where the dump is not what the manifest says."""
        try:
            manifest = cls.model_validate_json(dump.with_suffix(".json").read_bytes())
            if _digest(dump) != manifest.sha256:
                wrong(f"{dump} is not what {dump.with_suffix('.json').name} says: it was changed or cut short")
        except (OSError, ValidationError) as error:
            wrong(f"no backup at {dump}: {type(error).__name__}")
        return manifest


def backup(
    to: Annotated[Path | None, typer.Option(help="a folder for the logs; .niangjia/backups")] = None,
    keys: Annotated[Path | None, typer.Option(help="a folder elsewhere for the keys; .niangjia/backup-of-keys")] = None,
) -> None:
    """Copy all that can't be derived again, as of one moment, while everything runs on."""
    home = default_home().path
    logs, apart = to or home / "backups", keys or home / "backup-of-keys"
    for folder in (logs, apart):
        own_folder(folder, Account())
    try:
        dump = asyncio.run(_back_up(logs, apart))
    except ToolFailed as error:
        wrong(str(error))
    out.print(f"{dump} [dim]{dump.stat().st_size:,} bytes[/]", soft_wrap=True)
    out.print(f"{apart / KEYS} [dim]the keys: keep it apart, and this newest copy alone[/]", soft_wrap=True)


async def _back_up(logs: Path, apart: Path) -> Path:
    at = datetime.now(UTC)
    dump = logs / f"{at:%Y%m%dT%H%M%SZ}.dump"
    async with database() as pool, connection() as broker:
        schemas = await schemas_with(pool, "events")
        consumers = {
            stream_name(schema): await durable_consumers(broker, stream_name(schema)) for schema in schemas
        }  # first: whatever they had heard by then is in the copy
        positions = {schema: await _head(pool, schema) for schema in schemas}
        keyrings = await schemas_with(pool, "keys")
    await asyncio.to_thread(_dump, dump, [f"{schema}.{table}" for schema in schemas for table in KEPT])
    fresh = apart / f"{KEYS}.new"  # comes last: it has the key of whatever is in the log
    await asyncio.to_thread(_dump, fresh, [f"{schema}.keys" for schema in keyrings])
    fresh.replace(apart / KEYS)
    manifest = Manifest(at=at, positions=positions, consumers=consumers, sha256=_digest(dump))
    own_file(dump.with_suffix(".json"), Account(), manifest.model_dump_json(indent=2) + "\n")
    return dump


def _dump(file: Path, tables: list[str]) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    chosen = [f"--table={table}" for table in tables]
    run_tool("pg_dump", database_url(), "--format=custom", "--data-only", f"--file={file}", *chosen)


async def _head(pool: asyncpg.Pool, schema: str) -> int:
    head: int = await pool.fetchval(f"select coalesce(max(position), 0) from {schema}.events")
    return head


async def durable_consumers(broker: Connection, stream: str) -> dict[str, int]:
    """The sequence up to which each durable consumer of a stream has heard all; none where there is no stream."""
    found: dict[str, int] = {}
    offset = 0
    try:
        while page := await broker.jetstream().consumers_info(stream, offset=offset):
            offset += len(page)
            for info in page:
                if info.config.durable_name is not None and info.ack_floor is not None:
                    found[info.name] = info.ack_floor.stream_seq
            if len(page) < CONSUMERS_AT_ONCE:
                break
    except NotFoundError:
        return {}
    return found


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
