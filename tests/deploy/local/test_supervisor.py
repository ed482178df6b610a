"""What keeps running, what ends in which order, and what is left behind: nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.child import Program
from deploy.local.home import AlreadyUp, Home, Run
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.supervisor import NotReady, Supervisor, bound
from deploy.local.system import LocalSystem, Programme
from tests.waiting import until

STAND_IN = Path(__file__).with_name("stand_in.py")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def stand_in(folder: Path, name: str, *arguments: str, stop_limit: float = 20.0) -> Program:
    port = free_port()
    return Program(
        name,
        [sys.executable, "-S", str(STAND_IN), name, *arguments],
        {"HTTP_PORT": str(port), "ENDS": str(folder / "ends")},
        folder / f"{name}.log",
        f"http://{LOOPBACK}:{port}/",
        stop_limit,
    )


def program(folder: Path, *command: str) -> Program:
    return Program("part", command, {"PATH": os.environ["PATH"]}, folder / "part.log", "tcp://127.0.0.1:1")


def system_of(
    home: Path, *names: str, say: Callable[[str], None] = lambda line: None, stubborn: bool = False
) -> LocalSystem:
    environment = {"PATH": os.environ["PATH"], "ENDS": str(home.with_name("ends"))}
    more = ("stubborn",) if stubborn else ()
    programmes = [Programme(name, (sys.executable, "-S", str(STAND_IN), name, *more)) for name in names]
    return LocalSystem(Home(home), programmes=programmes, say=say, durable=False, environment=environment)


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    await supervisor.start(child := stand_in(tmp_path, "registry"))
    await supervisor.ready(15)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in (None, first))
    await supervisor.ready(15)
    assert supervisor.restarts["registry"] == 1
    assert said[0] == "registry was ended by SIGKILL; starts again in 0.1 s"
    await supervisor.stop()
    assert child.pid is None


async def test_the_pause_grows_while_a_program_keeps_ending(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    await supervisor.start(program(tmp_path, "false"))
    await until(lambda: sum("exit code 1" in line for line in said) == 4)
    await supervisor.stop()
    pauses = [line.rpartition(" in ")[2] for line in said if "exit code 1" in line]
    assert pauses == ["0.1 s", "0.2 s", "0.4 s", "0.8 s"]


async def test_a_part_that_is_not_ready_in_time_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda line: None)
    await supervisor.start(program(tmp_path, "sh", "-c", "echo no such table; exec sleep 60"))
    await until(lambda: (tmp_path / "part.log").read_text() != "")
    with pytest.raises(NotReady, match=r"part is not ready: not answering(.|\n)*no such table"):
        await supervisor.ready(0.2)
    await supervisor.stop()


async def test_what_started_last_ends_first(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda line: None)
    for name in ("database", "broker", "service"):
        await supervisor.start(stand_in(tmp_path, name))
    await supervisor.ready(15)
    await supervisor.stop()
    assert (tmp_path / "ends").read_text().split() == ["service", "broker", "database"]


async def test_a_program_that_does_not_stop_in_time_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda line: None)
    await supervisor.start(child := stand_in(tmp_path, "deaf", "stubborn", stop_limit=0.2))
    await supervisor.ready(15)
    await supervisor.stop()
    assert child.pid is None


async def test_who_kills_does_not_wait_for_programs_that_take_their_time(tmp_path: Path) -> None:
    supervisor = Supervisor(lambda line: None)
    await supervisor.start(stand_in(tmp_path, "deaf", "stubborn"), stand_in(tmp_path, "dumb", "stubborn"))
    await supervisor.ready(15)
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)
    supervisor.kill()
    async with asyncio.timeout(5):
        await stopping
    assert supervisor.children == []


def test_a_log_grown_too_large_is_set_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "loan.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)
        bound(log, largest=20)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "loan.log.1").read_bytes() == b"old\n" * 10


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


async def eventually(condition: Callable[[], Awaitable[bool]], limit: float = 15.0) -> None:
    async with asyncio.timeout(limit):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def test_every_part_of_a_system_may_be_killed_and_keeps_its_address(tmp_path: Path) -> None:
    async with system_of(tmp_path / "home", "registry", "loan") as system:
        before = {place.name: place for place in system.run.places}
        assert list(before) == ["postgres", "nats", "mail", "sms", "registry", "loan"]
        connection = await asyncpg.connect(system.run.database_url)
        await connection.execute("create table kept (number int); insert into kept values (1)")
        connection.terminate()
        for place in before.values():
            assert place.pid is not None
            os.kill(place.pid, signal.SIGKILL)
        await until(lambda: all(system.supervisor.restarts[name] == 1 for name in before))
        await system.ready()
        await eventually(lambda: answers(system.run.database_url))
        after = {place.name: place for place in system.run.places}
        assert {place.where for place in after.values()} == {place.where for place in before.values()}
        assert {place.pid for place in after.values()}.isdisjoint({place.pid for place in before.values()})
        connection = await asyncpg.connect(system.run.database_url)
        assert await connection.fetchval("select number from kept") == 1
        await connection.close()


async def test_what_runs_where_is_on_record_for_the_owner_alone_while_it_runs(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    async with system_of(home.path, "loan") as system:
        run = home.run()
        assert run == system.run
        assert run is not None
        assert run.pid == os.getpid()
        assert home.run_file.stat().st_mode & 0o777 == 0o600
        assert home.key_file.stat().st_mode & 0o777 == 0o600
        assert home.path.stat().st_mode & 0o777 == 0o700
    assert home.run() is None
    assert not home.run_file.exists()


async def test_a_second_system_in_the_same_home_is_refused(tmp_path: Path) -> None:
    async with system_of(tmp_path / "home"):
        with pytest.raises(AlreadyUp, match=rf"is up already \(pid {os.getpid()}\)"):
            await system_of(tmp_path / "home").start()
        assert Home(tmp_path / "home").run() is not None


async def test_a_system_comes_back_with_its_data_keys_and_addresses(tmp_path: Path) -> None:
    async with system_of(tmp_path / "home", "loan") as system:
        first, key = system.run, system.home.key_file.read_text()
        connection = await asyncpg.connect(first.database_url)
        await connection.execute("create table kept (number int)")
        await connection.close()
    async with system_of(tmp_path / "home", "loan") as system:
        assert [place.where for place in system.run.places] == [place.where for place in first.places]
        assert system.home.key_file.read_text() == key
        connection = await asyncpg.connect(system.run.database_url)
        assert await connection.fetchval("select count(*) from kept") == 0
        await connection.close()


async def test_two_homes_run_side_by_side(tmp_path: Path) -> None:
    async with system_of(tmp_path / "a", "loan") as one, system_of(tmp_path / "b", "loan") as other:
        places = [place.health for system in (one, other) for place in system.run.places]
        assert len(set(places)) == len(places)


async def test_a_system_that_is_not_ready_leaves_nothing_running(tmp_path: Path) -> None:
    system = LocalSystem(
        Home(tmp_path / "home"),
        programmes=[Programme("loan", ("sleep", "60"))],
        durable=False,
        environment={"PATH": os.environ["PATH"]},
        ready_limit=1.0,
    )
    pids: list[int] = []
    with pytest.raises(NotReady, match="loan is not ready"):
        async with system:
            pass
    pids = [place.pid for place in system.run.places if place.pid]
    assert pids == []


async def test_servers_and_senders_that_are_given_are_used_in_place_of_embedded_ones(
    tmp_path: Path, database_url: str, nats_url: str
) -> None:
    given = {"DATABASE_URL": database_url, "NATS_URL": nats_url}
    given |= {"SMTP_HOST": "mail.example", "SMTP_FROM_ADDRESS": "a@example.org", "SMS_URL": "https://sms.example"}
    tell = f"import json, os; open({str(tmp_path / 'told')!r}, 'w').write(json.dumps(dict(os.environ)))"
    stand_in = f"{tell}; exec(open({str(STAND_IN)!r}).read())"
    system = LocalSystem(
        Home(tmp_path / "home"),
        programmes=[Programme("notify", (sys.executable, "-S", "-c", stand_in, "notify"))],
        environment={"PATH": os.environ["PATH"], "ENDS": str(tmp_path / "ends"), **given},
    )
    async with system:
        assert [place.name for place in system.run.places] == ["notify"]
        told = json.loads((tmp_path / "told").read_text())
        assert {name: told[name] for name in given} == given
        assert "SMTP_SECURITY" not in told


@contextmanager
def terminal(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`niangjia up` in a process of its own, with stand-ins for the services."""
    program = f"""
import asyncio, pathlib, sys
from deploy.local.running import until_told
from tests.deploy.local.test_supervisor import system_of

def say(line: str) -> None:
    print(line, flush=True)

system = system_of(pathlib.Path({str(home)!r}), "registry", "loan", say=say, {", ".join(arguments)})
sys.exit(asyncio.run(until_told(system)))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_ready(process: subprocess.Popen[str], home: Path) -> Run:
    assert process.stdout is not None
    for line in process.stdout:
        if "ready in" in line:
            run = Home(home).run()
            assert run is not None
            return run
    pytest.fail("the system ended before it was ready")


def pids_of(run: Run) -> list[int]:
    return [place.pid for place in run.places if place.pid is not None]


async def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with terminal(home) as process:
        run = wait_ready(process, home)
        process.kill()
        await until(lambda: not any(is_alive(pid) for pid in pids_of(run)))
    assert Home(home).run() is None
    async with system_of(home, "registry") as system:
        assert system.home.run() is not None


async def test_ctrl_c_ends_services_first_and_the_database_last(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with terminal(home) as process:
        run = wait_ready(process, home)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    order = [line.removesuffix(" stops") for line in said.splitlines() if line.endswith(" stops")]
    assert sorted(order[:2]) == ["loan", "registry"]
    assert sorted(order[2:4]) == ["mail", "sms"]
    assert order[4:] == ["nats", "postgres"]
    assert sorted((tmp_path / "ends").read_text().split()) == ["loan", "registry"]
    assert not any(is_alive(pid) for pid in pids_of(run))


async def test_a_second_ctrl_c_ends_everything_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with terminal(home, "stubborn=True") as process:
        run = wait_ready(process, home)
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert any("stops" in line for line in process.stdout)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=15)
        assert time.monotonic() - began < 10
    assert not any(is_alive(pid) for pid in pids_of(run))
