"""Lending as a process of its own, killed while a timer that has come due is in hand: one HelmetOverdue, whenever."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from shared.schemas.lending import HelmetOverdue, OverdueEscalated
from tests.services.lending.district import NOON, District
from tests.waiting import until

STANDS_STILL: Final = """
import asyncio, sys
from services.lending.service import service
from shared.runtime.commands import Commands

carry_out, when = Commands.carry_out, sys.argv[1]

async def stand_still(self, command, envelope):
    if type(command).__name__ != "MarkOverdue":
        return await carry_out(self, command, envelope)
    if when == "after":
        await carry_out(self, command, envelope)
    print("the timer is in hand", flush=True)
    await asyncio.Event().wait()

Commands.carry_out = stand_still
service.main()
"""
"""The service; but `before` or `after` it has marked an overdue, it stands still."""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_between_the_due_instant_and_the_firing_there_is_exactly_one_overdue(
    jiangbei: District, tmp_path: Path, when: str
) -> None:
    await jiangbei.campaign()
    await jiangbei.borrows(await jiangbei.worker(), "JB-0001")
    await jiangbei.stop_lending()
    await jiangbei.set_time(NOON + timedelta(hours=49))
    await _killed_with_the_timer_in_hand(jiangbei, tmp_path / "lending.log", when)
    await jiangbei.start_lending()
    table = await jiangbei.until_table(lambda table: table.total.overdue == 1)
    assert table.total.total == table.allocated
    await jiangbei.set_time(NOON + timedelta(hours=73))
    await until(lambda: jiangbei.told("JB-0001", OverdueEscalated))
    assert len(await jiangbei.told("JB-0001", HelmetOverdue)) == 1


async def _killed_with_the_timer_in_hand(jiangbei: District, log: Path, when: str) -> None:
    settings = jiangbei.servers.settings()
    environment = {
        **os.environ,
        "DATABASE_URL": jiangbei.servers.database_url,
        "NATS_URL": jiangbei.servers.nats_url,
        "MASTER_KEY": b64encode(settings.wrapping_key).decode(),
        "CLOCK": "settable",
    }
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", STANDS_STILL, when), env=environment, stdout=out, stderr=out
        )
        try:
            await until(lambda: "the timer is in hand" in log.read_text(errors="replace"), seconds=30)
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    assert process.returncode == -signal.SIGKILL
