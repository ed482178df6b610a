"""The system of `niangjia up`, every service behind links that can be cut, and a broker whose storage has an end."""

from typing import Any, Final

from deploy.local.home import Home, Run
from deploy.local.nats import NatsServer
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import PostgresServer
from deploy.local.system import LocalSystem
from tests.links import Link

__all__ = ["LinkedSystem"]

FILE_STORE: Final = 256 * 2**20
FILE_STORE_A_SECOND: Final = 2**18
"""Bytes that streams may take, and more for each second of a run: more than it leaves there, and soon filled."""


class LinkedSystem(LocalSystem):
    """`links` by service and server, such as `loan-postgres`. Operators reach the servers directly. `seconds`: of the
    run."""

    links: dict[str, Link]

    def __init__(self, home: Home, seconds: float, **known: Any) -> None:
        super().__init__(home, **known)
        self._file_store = FILE_STORE + round(seconds) * FILE_STORE_A_SECOND

    async def stop(self) -> None:
        await super().stop()
        for link in self.links.values():
            link.close()

    def _servers(self) -> tuple[PostgresServer | None, NatsServer | None]:
        self.links = {}
        postgres, broker = super()._servers()
        assert broker is not None
        broker.file_store = str(self._file_store)
        return postgres, broker

    async def _addresses(self, postgres: PostgresServer | None, broker: NatsServer | None) -> Run:
        run = await super()._addresses(postgres, broker)
        assert postgres is not None
        assert broker is not None
        for urls, server, port in (
            (run.database_urls, "postgres", postgres.port),
            (run.nats_urls, "nats", broker.port),
        ):
            for programme, url in urls.items():
                link = self.links[f"{programme}-{server}"] = Link(port)
                await link.heal()
                urls[programme] = url.replace(f"{LOOPBACK}:{port}", f"{LOOPBACK}:{link.port}")
        return run
