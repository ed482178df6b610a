"""A city and its counties as real servers, made by what operators type: a broker each, counties as leaf nodes behind
links that can be cut."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import nats
from nats.aio.client import Client as Connection

from deploy.local.ports import LOOPBACK, free_port
from tests.deploy.nats.brokers import EVERYTHING, AsMade, done, let_in_with_every_right
from tests.links import Link


@dataclass
class Brokers:
    city: AsMade
    counties: dict[str, AsMade]
    links: dict[str, Link]


@contextmanager
def brokers(codes: Sequence[str]) -> Iterator[Brokers]:
    """Started; links are cut until they are healed."""
    leaves = free_port()
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        named = [argument for code in codes for argument in ("--county", code)]
        made = folder / "credentials"
        done(*("city", "credentials", made / "city", "--host", LOOPBACK, "--port", str(leaves)), *named)
        for code in codes:
            done("credentials", made / code, "--host", LOOPBACK, "--city", made / "city" / "counties" / code)
        links = {code: Link(leaves) for code in codes}
        counties = {
            code: AsMade(folder / code, made / code / "server", **{f":{leaves}": f":{links[code].port}"})
            for code in codes
        }
        city = AsMade(folder / "city", made / "city" / "server")
        for server in (city, *counties.values()):
            let_in_with_every_right(server)
            stack.enter_context(server)
        yield Brokers(city, counties, links)


@asynccontextmanager
async def reached(server: AsMade) -> AsyncIterator[Connection]:
    """With every right."""
    connection = await nats.connect(server.address, **server.sign_in(EVERYTHING.name).options())
    try:
        yield connection
    finally:
        await connection.close()
