"""`niangjia county-secrets`: every secret of a county's services in one folder, a file each, made once.

    database-url-<service>   what a service signs in to PostgreSQL with; database-url-admin has every right
    postgres-admin           the password of that one, for the server's first start
    master.key               wraps the persons' keys: a copy belongs in a safe, apart from every backup

What the broker wants comes from `niangjia credentials`.
"""

import os
import secrets
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import typer

from deploy.local.account import Account, own_file, own_folder
from deploy.local.home import KEY_BYTES
from deploy.local.system import DATABASE, PROGRAMMES
from deploy.local.terminal import out

__all__ = [
    "ADMIN",
    "READER",
    "Database",
    "Folder",
    "Reader",
    "county_secrets",
    "keep_urls",
    "passwords_in",
    "reading",
    "show",
]

ADMIN: Final = "admin"
URL: Final = "database-url-"
READER: Final = 10001
"""The user that the image runs as: secrets are bound into containers with their owner and mode."""


Folder = Annotated[Path, typer.Argument(help="where they are kept", show_default=False)]
Database = Annotated[str, typer.Option(help="where PostgreSQL is: host:port, of both where there is a standby")]
Reader = Annotated[int, typer.Option(help="the user id that may read them, when root makes them")]


def county_secrets(folder: Folder, database: Database = "postgres:5432", reader: Reader = READER) -> None:
    """Make the passwords and keys of a county's services. May be repeated: what is there stays."""
    account = keep_urls(folder, [programme.name for programme in PROGRAMMES], database, reader)
    _keep(folder / "master.key", account, b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    show(folder)


def keep_urls(folder: Path, services: Sequence[str], database: str, reader: int) -> Account:
    """With what these services sign in to PostgreSQL, and who has every right. Says whose the files are."""
    account = reading(reader)
    own_folder(folder, account)
    both = "?target_session_attrs=read-write" if "," in database else ""
    for name in (ADMIN, *services):
        url = f"postgresql://{name}:{secrets.token_urlsafe(24)}@{database}/{DATABASE}{both}"
        _keep(folder / f"{URL}{name}", account, url)
    _keep(folder / f"postgres-{ADMIN}", account, passwords_in(folder)[ADMIN])
    return account


def reading(reader: int) -> Account:
    """Whose files are that this user is to read: root alone can make them so."""
    return Account.other(reader, reader) if os.geteuid() == 0 else Account()


def show(folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        out.print(file, soft_wrap=True, highlight=False)


def passwords_in(folder: Path) -> dict[str, str]:
    """By service. Raises OSError."""
    return {
        file.name.removeprefix(URL): unquote(urlsplit(file.read_text(encoding="utf-8").strip()).password or "")
        for file in sorted(folder.iterdir())
        if file.name.startswith(URL)
    }


def _keep(path: Path, account: Account, text: str) -> None:
    if not path.exists():
        own_file(path, account, text + "\n")
