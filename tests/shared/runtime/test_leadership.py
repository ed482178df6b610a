"""Two instances of a service: for each role one leads, and the other takes over when it is gone."""

import asyncio

import asyncpg

from shared.runtime.leadership import Leadership
from tests.waiting import until


class Instance:
    """An instance that takes note of when it leads."""

    def __init__(self, dsn: str, failures: int = 0, *, ends_badly: bool = False) -> None:
        self.at_work = 0
        self.begun = 0
        self._failures, self._ends_badly = failures, ends_badly
        self.leadership = Leadership(dsn, "loan", {"relay": self._work})
        self.task = asyncio.create_task(self.leadership.run())

    async def _work(self) -> None:
        self.begun += 1
        if self.begun <= self._failures:
            raise RuntimeError("the stream is ahead")
        self.at_work += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.at_work -= 1
            if self._ends_badly:
                raise TimeoutError

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def cut(dsn: str) -> None:
    """End the connection on which somebody leads."""
    admin = await asyncpg.connect(dsn)
    await admin.execute(
        "select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.classid = 7012"
        " and l.database = (select oid from pg_database where datname = current_database())"
    )
    await admin.close()


async def test_one_of_two_leads_and_the_other_takes_over_when_it_leaves(database_url: str) -> None:
    first, second = Instance(database_url), Instance(database_url)
    await until(lambda: first.at_work + second.at_work == 1)
    leader, other = (first, second) if first.at_work else (second, first)
    await leader.stop()
    await until(lambda: other.at_work == 1)
    assert leader.at_work == 0
    await other.stop()


async def test_a_leader_whose_connection_is_cut_stops_its_work(database_url: str) -> None:
    instance = Instance(database_url)
    await until(lambda: instance.at_work == 1)
    await cut(database_url)
    await until(lambda: instance.begun == 2)
    assert instance.at_work == 1
    await instance.stop()


async def test_work_that_ends_in_an_error_when_it_is_told_to_stop_has_ended(database_url: str) -> None:
    instance = Instance(database_url, ends_badly=True)
    await until(lambda: instance.at_work == 1)
    await cut(database_url)
    await until(lambda: instance.begun == 2)
    assert instance.leadership.leads == {"relay"}
    assert instance.leadership.failing == {}
    await instance.stop()
    assert instance.at_work == 0


async def test_work_that_fails_is_told_of_and_begun_again(database_url: str) -> None:
    instance = Instance(database_url, failures=1)
    await until(lambda: instance.leadership.failing == {"relay": "RuntimeError"})
    await until(lambda: instance.at_work == 1)
    assert instance.leadership.failing == {}
    await instance.stop()
