"""Talking to the command line in tests."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

type Niangjia = Callable[..., Result]
"""Runs `niangjia` with these arguments against the system of the fixture `home`; `given` is its standard input."""


async def away(niangjia: Niangjia, *arguments: str, given: str | None = None) -> Result:
    """From a test that has a loop of its own."""
    return await asyncio.to_thread(niangjia, *arguments, given=given)


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def code(number: int) -> str:
    return f"{330500 + number}"


def register(niangjia: Niangjia, federation: str, *more: str) -> Result:
    return niangjia(
        *("send", "registry", "RegisterFederation", "--code", federation),
        *("--name", "南浔区总工会", "--level", "county", *more),
    )
