"""`niangjia install`: roles, schemas, tables and rights of the services in a database that is not this system's own."""

import asyncio
import os
from urllib.parse import urlsplit

from deploy.local.home import default_home
from deploy.local.rights import grant
from deploy.local.system import PROGRAMMES
from deploy.local.terminal import out, wrong

__all__ = ["install"]


def install() -> None:
    """Prepare the database at DATABASE_URL, at first and after each upgrade, before the services start.

    DATABASE_URL has every right. Each service's password is the content of `secrets/postgres-<service>` in
    NIANGJIA_HOME, made where it is missing. niangjia up does all this for its own database.
    """
    url = os.environ.get("DATABASE_URL") or wrong("DATABASE_URL is not set: niangjia up prepares its own database")
    passwords = default_home().make().secrets("postgres", [programme.name for programme in PROGRAMMES])
    asyncio.run(grant(url, urlsplit(url).path.lstrip("/"), passwords))
    out.print(f"prepared for {', '.join(passwords)}")
