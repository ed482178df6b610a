"""`niangjia county-secrets`: every secret of a county's services in one folder, a file each, made once.

    database-url-<service>   what a service signs in to PostgreSQL with; database-url-admin has every right
    postgres-admin           the password of that one, for the server's first start
    master.key               wraps the persons' keys: a copy belongs in a safe, apart from every backup

What the broker wants comes from `niangjia credentials`.
"""

import os
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import typer

from deploy.local.account import Account, own_file, own_folder
from deploy.local.home import KEY_BYTES
from deploy.local.system import DATABASE, PROGRAMMES
from deploy.local.terminal import out

__all__ = ["ADMIN", "READER", "county_secrets", "password_of"]

ADMIN: Final = "admin"
READER: Final = 10001
"""The user that the image runs as: secrets are bound into containers with their owner and mode."""


def county_secrets(
    folder: Annotated[Path, typer.Argument(help="where they are kept", show_default=False)],
    database: Annotated[str, typer.Option(help="where PostgreSQL is: host:port")] = "postgres:5432",
    reader: Annotated[int, typer.Option(help="the user id that may read them, when root makes them")] = READER,
) -> None:
    """Make the passwords and keys of a county's services. May be repeated: what is there stays."""
    account = Account(reader, reader, ()) if os.geteuid() == 0 else Account()
    own_folder(folder, account)
    for name in (ADMIN, *(programme.name for programme in PROGRAMMES)):
        url = f"postgresql://{name}:{secrets.token_urlsafe(24)}@{database}/{DATABASE}"
        _keep(folder / f"database-url-{name}", account, url)
    _keep(folder / f"postgres-{ADMIN}", account, password_of(folder, ADMIN))
    _keep(folder / "master.key", account, b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    for file in sorted(folder.iterdir()):
        out.print(file, soft_wrap=True, highlight=False)


def password_of(folder: Path, name: str) -> str:
    """Raises OSError where there is no such file."""
    url = (folder / f"database-url-{name}").read_text(encoding="utf-8").strip()
    return unquote(urlsplit(url).password or "")


def _keep(path: Path, account: Account, text: str) -> None:
    if not path.exists():
        own_file(path, account, text + "\n")
