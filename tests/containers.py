"""The test session's servers from the official images: NIANGJIA_TEST_SERVERS=containers."""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.nats import configuration
from deploy.local.postgres import LOCALE, SETTINGS

POSTGRES_IMAGE = "postgres:18"
NATS_IMAGE = "nats:2.15"
PASSWORD = "of-a-test"


class _Running:
    def __init__(self, container: DockerContainer, port: int) -> None:
        self._container = container
        self._port = port

    def __enter__(self) -> Self:
        self._container.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.stop()

    def _address(self) -> str:
        return f"{self._container.get_container_host_ip()}:{self._container.get_exposed_port(self._port)}"


class PostgresContainer(_Running):
    def __init__(self, settings: Mapping[str, str]) -> None:
        given = [argument for name, value in {**SETTINGS, **settings}.items() for argument in ("-c", f"{name}={value}")]
        # The image starts the server a first time on a socket only, to make the cluster: that one does not count.
        ready = re.compile("listening on IPv4 address.*ready to accept connections", re.DOTALL)
        super().__init__(
            DockerContainer(POSTGRES_IMAGE)
            .with_env("POSTGRES_PASSWORD", PASSWORD)
            .with_env("POSTGRES_INITDB_ARGS", " ".join(LOCALE))
            .with_exposed_ports(5432)
            .with_command(["postgres", *given])
            .waiting_for(LogMessageWaitStrategy(ready)),
            5432,
        )

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{PASSWORD}@{self._address()}/{database}"


class NatsContainer(_Running):
    def __init__(self, users: str, sync_interval: str) -> None:
        text = configuration("0.0.0.0:4222", "/data", users, sync_interval)
        super().__init__(
            DockerContainer(NATS_IMAGE)
            .with_copy_into_container(text.encode(), "/etc/niangjia.conf")
            .with_exposed_ports(4222)
            .with_command(["-c", "/etc/niangjia.conf"])
            .waiting_for(LogMessageWaitStrategy("Server is ready")),
            4222,
        )

    def url(self, user: str, password: str) -> str:
        return f"nats://{user}:{password}@{self._address()}"
