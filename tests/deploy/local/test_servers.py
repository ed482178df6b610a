"""The embedded servers: what they keep, what they refuse, how they end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import nats as broker
import pytest

from deploy.local.nats import NatsServer
from deploy.local.ports import LOOPBACK, PortBusy, free_port
from deploy.local.postgres import FAST, PostgresServer
from deploy.local.server import Server, ServerFailed

type Maker = Callable[[Path, int], Server]


def make_postgres(folder: Path, port: int) -> PostgresServer:
    return PostgresServer(folder / "postgres", port, FAST)


def make_nats(folder: Path, port: int) -> NatsServer:
    return NatsServer(folder / "nats", port)


both = pytest.mark.parametrize("make", [make_postgres, make_nats], ids=["postgres", "nats"])


async def write_row(server: PostgresServer, number: int) -> None:
    connection = await asyncpg.connect(server.url())
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
    await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()


async def read_rows(server: PostgresServer) -> list[int]:
    connection = await asyncpg.connect(server.url())
    rows = await connection.fetch("SELECT number FROM kept ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]


async def publish(server: NatsServer, body: bytes) -> int:
    connection = await broker.connect(server.url())
    stream = connection.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    sequence = (await stream.publish("kept", body)).seq
    await connection.close()
    return sequence


async def read_message(server: NatsServer, sequence: int) -> bytes | None:
    connection = await broker.connect(server.url())
    message = await connection.jetstream().get_msg("KEPT", sequence)
    await connection.close()
    return message.data


def until(condition: Callable[[], bool], limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


async def test_a_killed_postgres_keeps_what_it_committed(tmp_path: Path) -> None:
    with make_postgres(tmp_path, free_port()) as server:
        await write_row(server, 1)
        server.kill()
        server.start()
        await write_row(server, 2)
        assert await read_rows(server) == [1, 2]


async def test_a_postgres_killed_from_outside_starts_again_while_its_sessions_end(tmp_path: Path) -> None:
    with make_postgres(tmp_path, free_port()) as server:
        await write_row(server, 1)
        session = await asyncpg.connect(server.url())
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.returncode == -signal.SIGKILL)
        server.start()
        assert await read_rows(server) == [1]
        session.terminate()


async def test_a_stopped_postgres_is_opened_by_a_new_server_with_the_same_password(tmp_path: Path) -> None:
    with make_postgres(tmp_path, free_port()) as server:
        await write_row(server, 1)
    with make_postgres(tmp_path, free_port()) as server:
        assert await read_rows(server) == [1]


async def test_a_cluster_cut_short_in_the_making_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with make_postgres(tmp_path, free_port()) as server:
        await write_row(server, 1)
        assert await read_rows(server) == [1]
    assert not half.exists()


async def test_a_killed_broker_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with make_nats(tmp_path, free_port()) as server:
        sequence = await publish(server, b"a fact")
        server.kill()
        server.start()
        assert await read_message(server, sequence) == b"a fact"


async def test_nobody_enters_without_the_password(tmp_path: Path) -> None:
    with make_postgres(tmp_path, free_port()) as postgres, make_nats(tmp_path, free_port()) as nats:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://niangjia:guess@{LOOPBACK}:{postgres.port}/postgres")
        with pytest.raises(broker.errors.Error, match="Authorization"):
            await broker.connect(f"nats://{LOOPBACK}:{nats.port}", allow_reconnect=False, connect_timeout=2)


@both
def test_a_busy_port_is_refused(make: Maker, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortBusy, match=str(port)):
            make(tmp_path, port).start()


def test_two_servers_never_share_one_cluster(tmp_path: Path) -> None:
    with (
        make_postgres(tmp_path, free_port()) as first,
        pytest.raises(ServerFailed, match=r"postmaster\.pid"),
    ):
        make_postgres(tmp_path, free_port()).start()
    assert first.returncode == 0


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    wrong = PostgresServer(tmp_path / "postgres", free_port(), {**FAST, "shared_buffers": "plenty"})
    with pytest.raises(ServerFailed, match='invalid value for parameter "shared_buffers": "plenty"'):
        wrong.start()


def test_a_broken_configuration_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="unknown field"):
        NatsServer(tmp_path / "nats", free_port(), "accounting { }").start()


@both
def test_a_server_dies_with_the_process_that_started_it(make: Maker, tmp_path: Path) -> None:
    port = free_port()
    program = f"""
import os, pathlib
from tests.deploy.local.test_servers import {make.__name__}
server = {make.__name__}(pathlib.Path({str(tmp_path)!r}), {port}).start()
os._exit(9)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert ended.returncode == 9, ended.stderr
    until(lambda: not listening(port))


@both
def test_only_this_machine_can_connect(make: Maker, tmp_path: Path) -> None:
    with make(tmp_path, free_port()) as server:
        sockets = Path("/proc/net/tcp").read_text().splitlines()[1:]
        listeners = {line.split()[1] for line in sockets if line.split()[3] == "0A"}
        assert {address for address in listeners if address.endswith(f":{server.port:04X}")} == {
            f"0100007F:{server.port:04X}"
        }


async def test_each_test_has_a_database_of_its_own(postgres: PostgresServer, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    assert await connection.fetchval("SELECT upper('é')") == "É"
    await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_broker_of_its_own(nats_url: str, turn: int) -> None:
    connection = await broker.connect(nats_url)
    stream = connection.jetstream()
    await stream.add_stream(name="OWN", subjects=["own"])
    assert (await stream.publish("own", b"")).seq == 1
    await connection.close()
