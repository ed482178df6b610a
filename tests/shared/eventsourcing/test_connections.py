"""A connection of one's own, when its line is no good."""

from urllib.parse import urlsplit

import pytest

from shared.eventsourcing import connections
from shared.eventsourcing.connections import OwnConnection
from tests.links import Link


async def test_a_connection_whose_line_is_dead_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CLOSE_LIMIT", 0.1)
    port = urlsplit(database_url).port
    assert port is not None
    link = Link(port)
    await link.heal()
    own = OwnConnection(database_url.replace(f":{port}/", f":{link.port}/"))
    connection = await own.open()
    link.stall()
    await own.close()
    assert connection.is_closed()
    await link.heal()
    assert await (await own.open()).fetchval("select 1") == 1
    await own.close()
    link.close()
