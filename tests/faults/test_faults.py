"""The short run: every part killed once, and other faults among them. `make faults` is the long one."""

import os
from pathlib import Path

import pytest

from tests.faults.run import run
from tests.faults.schedule import KINDS, LINKS, PARTS, Fault, How, Profile, schedule

SEED = 7
SECONDS = 12.0


@pytest.mark.timeout(900)
async def test_whatever_befalls_the_system_nothing_is_lost_or_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIANGJIA_HOME", str(tmp_path / "home"))
    profile = Profile.of(float(os.environ.get("SECONDS") or SECONDS))
    outcome = await run(tmp_path / "home", int(os.environ.get("SEED") or SEED), profile, print)
    assert not outcome.wrong, "\n".join(outcome.lines())
    assert outcome.done["loans"]
    assert outcome.done["patients"]
    assert outcome.done["helmets borrowed"]


def test_a_seed_gives_one_schedule() -> None:
    assert schedule(7, Profile.of(300)) == schedule(7, Profile.of(300))
    assert schedule(7, Profile.of(300)) != schedule(8, Profile.of(300))


def test_the_short_run_kills_every_part() -> None:
    killed = {fault.target for fault in _short() if fault.how is How.KILL}
    assert killed == set(PARTS)
    assert {fault.how for fault in _short()} >= {How.FREEZE, How.CUT, How.STALL, How.FILL}


def test_a_long_run_does_everything_to_everything() -> None:
    done = {(fault.how, fault.target) for fault in schedule(1, Profile.of(5_000))}
    assert done == {(how, target) for how, kind in KINDS.items() for target in kind.targets}
    assert len(LINKS) == 10


def test_faults_come_in_order_and_last_no_longer_than_they_may() -> None:
    profile = Profile.of(1_800)
    faults = schedule(3, profile)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(fault.lasts <= profile.longest for fault in faults)
    assert all(bool(fault.lasts) == KINDS[fault.how].lasts for fault in faults)


def _short() -> list[Fault]:
    return schedule(SEED, Profile.of(SECONDS))
