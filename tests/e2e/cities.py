"""A city and its counties as real servers: a broker each, counties as leaf nodes behind links that can be cut."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import nats
from nats.js import JetStreamContext

from deploy.local.nats import FAST, NatsServer
from deploy.local.ports import LOOPBACK, free_port
from deploy.nats.accounts import UNION, Account, User
from deploy.nats.city import DOMAIN, county_user, domain_of
from deploy.nats.company import county, hub
from deploy.nats.configuration import Password, accounts_block
from tests.links import Link

EVERYTHING: Final = User("niangjia", (">",), (">",))
PASSWORD: Final = "test"


@dataclass
class Brokers:
    city: NatsServer
    counties: dict[str, NatsServer]
    links: dict[str, Link]


@contextmanager
def brokers(codes: Sequence[str]) -> Iterator[Brokers]:
    """Started; links are cut until they are healed."""
    leaves = free_port()
    users = (EVERYTHING, *map(county_user, codes))
    passwords = {user.name: Password(PASSWORD) for user in users}
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        city = NatsServer(
            Path(folder) / "city",
            free_port(),
            accounts_block([Account(UNION, users)], passwords),
            sync_interval=FAST,
            name="city",
            domain=DOMAIN,
            company=hub(f"{LOOPBACK}:{leaves}"),
        )
        links = {code: Link(leaves) for code in codes}
        counties = {
            code: NatsServer(
                Path(folder) / code,
                free_port(),
                accounts_block([Account(UNION, (EVERYTHING,))], passwords),
                sync_interval=FAST,
                name=domain_of(code),
                domain=domain_of(code),
                company=county(f"nats://{domain_of(code)}:{PASSWORD}@{LOOPBACK}:{links[code].port}", UNION),
            )
            for code in codes
        }
        for server in (city, *counties.values()):
            stack.enter_context(server)
        yield Brokers(city, counties, links)


@asynccontextmanager
async def streams_of(server: NatsServer) -> AsyncIterator[JetStreamContext]:
    connection = await nats.connect(url_of(server))
    try:
        yield connection.jetstream()
    finally:
        await connection.close()


def url_of(server: NatsServer) -> str:
    return server.url(EVERYTHING.name, PASSWORD)
