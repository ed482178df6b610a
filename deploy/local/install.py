"""`niangjia install`: roles, schemas, tables and rights of the services in a database that is not this system's own."""

import asyncio
import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import asyncpg
import typer

from deploy.local.county import ADMIN, passwords_in
from deploy.local.rights import grant
from deploy.local.terminal import out, wrong

__all__ = ["install"]


def install(
    secrets: Annotated[
        Path, typer.Argument(help="the folder of niangjia county-secrets or city secrets", show_default=False)
    ],
) -> None:
    """Prepare the database at DATABASE_URL, at first and after each upgrade, before the services start.

    DATABASE_URL, or what DATABASE_URL_FILE holds, has every right. niangjia up does all this for its own database.
    """
    file = os.environ.get("DATABASE_URL_FILE")
    url = os.environ.get("DATABASE_URL") or (Path(file).read_text(encoding="utf-8").strip() if file else "")
    if not url:
        wrong("DATABASE_URL is not set: niangjia up prepares its own database")
    try:
        passwords = {name: word for name, word in passwords_in(secrets).items() if name != ADMIN}
    except OSError as error:
        wrong(f"no passwords of services: {error}")
    if not passwords:
        wrong(f"no passwords of services in {secrets}: niangjia county-secrets makes them")
    try:
        asyncio.run(grant(url, urlsplit(url).path.lstrip("/"), passwords))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        wrong(f"the database can't be prepared: {error or type(error).__name__}")
    out.print(f"prepared for {', '.join(passwords)}")
