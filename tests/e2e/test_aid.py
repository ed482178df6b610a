"""Mutual aid as it runs: the cases of the demonstration, and a half-year of a small county, twice from one seed."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import nats
import pytest

from deploy.local.demo.aid import desk_of, play_cases
from deploy.local.demo.dongyang import county
from deploy.local.demo.messages import ARRIVED
from deploy.local.home import Home
from deploy.local.simulation.claims import Act, End
from deploy.local.simulation.figures import DONGYANG_2019H1
from deploy.local.simulation.half_year import Played, play
from deploy.local.system import LocalSystem, Programme
from shared.runtime.settings import ClockKind
from shared.schemas.money import fen

SMALL: Final = replace(DONGYANG_2019H1, employers=4, insured=200, claims=40, paid=fen("62000.00"))
SEED: Final = 10
WHEN_AND_WHO: Final = ("pay_by", "valid_until", "supply_by", "account_as_of", "diagnosis", "hospital", "account")
"""Of events, what hangs on the very instant, or is sealed with keys that are made anew."""


@pytest.mark.timeout(240)
async def test_each_case_ends_as_it_must_and_the_worker_is_told_of_it(tmp_path: Path) -> None:
    async with LocalSystem(Home(tmp_path / "home"), clock=ClockKind.SETTABLE, durable=False) as system:
        connection = await nats.connect(system.run.nats_url)
        played, board = await play_cases(desk_of(connection), county())
        await connection.close()
    assert {one.case.title: one.told.came for one in played} == {one.case.title: one.told.must for one in played}
    for one in played:
        assert one.texts == one.mails == Counter(one.case.texts), one.case.title
    assert {row.status for row in board.rows} <= ARRIVED


@pytest.mark.timeout(240)
async def test_the_sums_of_a_half_year_hold_and_the_same_seed_leaves_the_same_log(tmp_path: Path) -> None:
    (one, log), (other, other_log) = await asyncio.gather(*(_played(tmp_path / name) for name in ("one", "other")))
    assert [check for check in one.statement.checks if not check.holds] == []
    assert one.statement.fund.benefits == fen("62000.00")
    assert one.plan == other.plan
    assert log == other_log
    paid = one.plan.of(End.PAID)
    assert any(case.reduced for case in paid)
    assert any(case.returned for case in paid)
    assert any(case.exclusion for case in paid)
    assert any(act is Act.SUPPLY for case in paid for _, act in case.acts)
    assert {*one.plan.ends} == {*End}


async def _played(home: Path) -> tuple[Played, Counter[tuple[str, str, str]]]:
    programmes = [Programme.of("registry"), Programme.of("aid")]
    async with LocalSystem(Home(home), programmes=programmes, clock=ClockKind.SETTABLE, durable=False) as system:
        connection = await nats.connect(system.run.nats_url)
        try:
            played = await play(connection, SMALL, SEED, lambda _what, _total: lambda: None)
            return played, await _log(system)
        finally:
            await connection.close()


async def _log(system: LocalSystem) -> Counter[tuple[str, str, str]]:
    """Of each stream its events, in no order: claims of one day share the pool's stream."""
    connection = await asyncpg.connect(system.run.database_url)
    try:
        rows = await connection.fetch("select stream, type, data from aid.events")
    finally:
        await connection.close()
    return Counter((row["stream"], row["type"], _bare(json.loads(row["data"]))) for row in rows)


def _bare(data: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in data.items() if name not in WHEN_AND_WHO}, sort_keys=True)
