"""What operators do on the command line, against a running system."""

import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from deploy.local.home import Home
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timer_table import Scheduled, TimerTable
from shared.runtime.letters import Letter, Letters
from shared.schemas.ids import new_id
from shared.schemas.registry import EraseMember, ErasureGround
from tests.deploy.local.command_line import Niangjia, answered, away, code, register


@pytest.fixture
async def aid(home: Path) -> AsyncIterator[EventStore]:
    """The store of a programme that no service runs."""
    run = Home(home).run()
    assert run is not None
    async with EventStore(run.database_url, "aid", Codec([])) as store:
        yield store
        await store.pool.execute("drop schema aid cascade")


def letter(sequence: int, state: str, error: str | None = None) -> Letter:
    headers = {"ce-type": "MemberErased", "ce-subject": "member-1"}
    attempts = 8 if state == "dead" else 0
    subject = "evt.330503.registry.MemberErased"
    return Letter(
        "aid-on-registry", sequence, "member-1", subject, headers, b"{}", state, attempts, error, datetime.now(UTC)
    )


async def test_a_dead_letter_is_listed_with_what_waits_behind_it_retried_and_skipped(
    niangjia: Niangjia, aid: EventStore
) -> None:
    await aid.install("letters", package="shared.runtime")
    letters = Letters(aid.pool, "aid")
    for one in (letter(17, "dead", "ValueError"), letter(18, "parked"), letter(40, "dead", "KeyError")):
        await letters.put(one)

    async def states() -> dict[int, str]:
        listed = answered(await away(niangjia, "dead-letters", "list", "aid", "--skipped", "-o", "json"))
        return {each["sequence"]: each["state"] for each in listed}

    shown = (await away(niangjia, "dead-letters", "list")).stdout
    assert re.search(r"aid +aid-on-registry +17 +dead +8 +MemberErased +ValueError", shown)
    assert (await states()) == {17: "dead", 18: "parked", 40: "dead"}
    detail = (await away(niangjia, "dead-letters", "show", "aid", "aid-on-registry", "17")).stdout
    assert re.search(r"18 +parked", detail)
    assert "ce-subject member-1" in detail
    assert "has no letter 99" in (await away(niangjia, "dead-letters", "show", "aid", "aid-on-registry", "99")).stderr

    assert (await away(niangjia, "dead-letters", "retry", "aid", "aid-on-registry", "17")).exit_code == 0
    assert (await away(niangjia, "dead-letters", "retry", "aid", "aid-on-registry", "18")).exit_code == 1
    assert (await away(niangjia, "dead-letters", "retry", "aid")).exit_code == 1
    assert (await states())[17] == "retrying"
    assert "1 to be tried again" in (await away(niangjia, "dead-letters", "retry", "aid", "--all")).stdout
    assert (await away(niangjia, "dead-letters", "skip", "aid", "aid-on-registry", "40", given="n\n")).exit_code == 1
    assert (await states())[40] == "retrying"
    assert (await away(niangjia, "dead-letters", "skip", "aid", "aid-on-registry", "40", "--yes")).exit_code == 0
    assert (await states()) == {17: "retrying", 18: "parked", 40: "skipped"}
    assert "lending has none" in (await away(niangjia, "dead-letters", "list", "lending")).stderr


def recorded(position: int) -> Recorded:
    return Recorded(Codec([]), position, f"member-{new_id()}", 1, new_id(), "MemberRegistered", 1, "{}", "{}", None)


async def test_timers_are_listed_the_first_due_first_in_chinese_time(niangjia: Niangjia, aid: EventStore) -> None:
    table = TimerTable(aid)
    await table.install()
    due = datetime(2099, 3, 1, 1, 0, tzinfo=UTC)
    command = EraseMember(member_id=new_id(), ground=ErasureGround.PURPOSE_ENDED)
    later = Scheduled(recorded(1), "erase-2", due + timedelta(days=1), command)
    await table.fold(0, 2, [], [later, Scheduled(recorded(2), "erase-1", due, command)])
    await table.close()
    shown = (await away(niangjia, "timers", "aid")).stdout
    assert re.search(r"2099-03-01 09:00:00 +aid +EraseMember *\n +erase-1 *\n2099-03-02 09:00:00.*\n +erase-2", shown)
    assert [row["key"] for row in answered(await away(niangjia, "timers", "-o", "json"))] == ["erase-1", "erase-2"]


def test_the_log_is_proved_whole_and_against_a_seal_written_down(niangjia: Niangjia) -> None:
    register(niangjia, code(6))
    result = niangjia("verify", "registry")
    assert result.exit_code == 0, result.output
    assert "✓ registry is whole" in result.stdout
    assert "published alike" in result.stdout
    position, digest = re.findall(r"seal (\d+):([0-9a-f]{64})", result.stdout)[0]
    assert niangjia("verify", "registry", "--anchor", f"{position}:{digest}").exit_code == 0
    forged = niangjia("verify", "registry", "--anchor", f"{position}:{'0' * 64}")
    assert forged.exit_code == 1
    assert "✗ registry is broken" in forged.stdout


def test_a_read_model_is_filled_anew_from_the_log(niangjia: Niangjia, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.deploy.local import tiny_registry

    monkeypatch.setitem(sys.modules, "services.registry.service", tiny_registry)
    register(niangjia, code(7))
    assert niangjia("rebuild", "registry").exit_code == 0
    assert niangjia("rebuild", "registry", "federations").exit_code == 0
    assert niangjia("ask", "registry", "ShowFederation", "--code", code(7)).exit_code == 0
    unknown = niangjia("rebuild", "registry", "lines")
    assert unknown.exit_code == 1
    assert "registry has no read model lines; it has federations" in unknown.stderr


def test_the_settable_clock_goes_forward_for_every_service(niangjia: Niangjia) -> None:
    now = answered_date(niangjia("clock", "show"))
    later = answered_date(niangjia("clock", "advance", "30d12h"))
    assert now < later
    assert "30 d 12 h ahead" in niangjia("clock", "show").stdout
    assert niangjia("clock", "set", "2099-03-01T09:00").stdout.startswith("2099-03-01 09:00:0")
    back = niangjia("clock", "set", "2027-01-01")
    assert back.exit_code == 1
    assert "goes forward only" in back.stderr
    assert "is no span" in niangjia("clock", "advance", "soon").stderr


def answered_date(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.split(" in China")[0]


def test_erasing_asks_first_and_then_sends_the_registry_its_command(niangjia: Niangjia) -> None:
    member = str(new_id())
    assert niangjia("erase", member, given="n\n").exit_code == 1
    result = niangjia("erase", member, "--yes")
    assert result.exit_code == 2
    assert "没有名为 EraseMember" in result.stderr
