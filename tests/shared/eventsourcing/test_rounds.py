"""Calls of many as one."""

import asyncio
from collections.abc import Iterable

import pytest

from shared.eventsourcing.rounds import Rounds


class Counter:
    """Answers with what was wanted; `gate` holds calls up, a negative number fails them."""

    def __init__(self) -> None:
        self.calls: list[set[int]] = []
        self.gate = asyncio.Event()
        self.rounds: Rounds[set[int], list[int]] = Rounds(set, self.answer)

    async def answer(self, wanted: Iterable[int]) -> list[int]:
        self.calls.append(set(wanted))
        await self.gate.wait()
        if min(wanted) < 0:
            raise ValueError
        return sorted(wanted)

    async def ask(self, number: int) -> list[int]:
        return await self.rounds.ask(lambda wanted: wanted.add(number))


async def test_who_asks_while_a_call_is_under_way_shares_the_next(counter: Counter) -> None:
    asking = [asyncio.create_task(counter.ask(0))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking += [asyncio.create_task(counter.ask(n)) for n in range(1, 40)]
    await asyncio.sleep(0)
    counter.gate.set()
    first, *rest = await asyncio.gather(*asking)
    assert first == [0]
    assert all(answer == list(range(1, 40)) for answer in rest)
    assert len(counter.calls) == 2


async def test_an_answer_is_of_a_call_made_after_it_was_asked_for(counter: Counter) -> None:
    counter.gate.set()
    assert [await counter.ask(n) for n in (1, 2, 3)] == [[1], [2], [3]]


async def test_an_error_is_told_to_those_who_asked_and_the_next_call_is_made(counter: Counter) -> None:
    asking = [asyncio.create_task(counter.ask(n)) for n in (-1, 5)]
    await asyncio.sleep(0)
    counter.gate.set()
    for task in asking:
        with pytest.raises(ValueError, match=r"^$"):
            await task
    assert await counter.ask(7) == [7]


async def test_who_leaves_early_takes_nobody_along(counter: Counter) -> None:
    leaving, staying = (asyncio.create_task(counter.ask(n)) for n in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    counter.gate.set()
    assert await staying == [1, 2]
    assert leaving.cancelled()


@pytest.fixture
async def counter() -> Counter:
    return Counter()
