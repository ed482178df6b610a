"""The command line against a county whose registry and mutual aid run in the test's own process."""

import asyncio

from typer.testing import CliRunner, Result

from deploy.local.cli import app
from tests.services.aid.county import County

__all__ = ["niangjia"]


async def niangjia(county: County, *arguments: str) -> Result:
    environment = {"NATS_URL": county.servers.nats_url, "NIANGJIA_FEDERATION": "330783", "COLUMNS": "120"}
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)
