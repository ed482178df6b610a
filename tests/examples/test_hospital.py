"""The sample hospital as a process of its own, against registry and mutual aid: it quotes, confirms, cancels."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.nats import FAST, NatsServer
from deploy.local.ports import LOOPBACK, free_port
from deploy.nats.accounts import UNION, Account, User, accounts
from deploy.nats.configuration import Password, PublicKey, accounts_block
from deploy.nats.keys import USER, kept
from deploy.nats.parties import Parties
from shared.schemas.registry import ConsentPurpose, GiveConsent
from tests.services.aid.cases import CHEN, JANUARY, LI
from tests.services.aid.county import County, Servers, county, number_of

HOSPITAL: Final = Path(__file__).parents[2] / "examples/hospital/hospital.py"
EVERYBODY: Final = Account(UNION, (User("everybody", (">",), (">",), answers=True),))
"""The union with one user for all its services; what each of them may do is tested in `tests/deploy/nats`."""


class Town:
    def __init__(self, folder: Path) -> None:
        outside = [one for one in accounts((), Parties.read()) if one.name == "hospital-dyrmyy"]
        self.key = folder / "hospital-dyrmyy.nk"
        secrets: dict[str, Password | PublicKey] = {
            "everybody": Password("of-everybody"),
            "hospital-dyrmyy": PublicKey(kept(self.key, USER).public),
        }
        block = accounts_block((EVERYBODY, *outside), secrets)
        self.broker = NatsServer(folder / "nats", free_port(), block, sync_interval=FAST)

    @property
    def url(self) -> str:
        return self.broker.url("everybody", "of-everybody")

    async def hospital(self, *arguments: str) -> tuple[int, str]:
        """The program's exit code, and the last that it says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(HOSPITAL), *arguments),
            *("--server", f"nats://{LOOPBACK}:{self.broker.port}", "--nkey", str(self.key)),
            env={"PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return process.returncode, (out or err).decode().strip().rpartition("\n")[2]

    async def settlement(self, *arguments: str) -> dict[str, Any]:
        code, said = await self.hospital(*arguments)
        assert code == 0, said
        answer: dict[str, Any] = json.loads(said)
        return answer


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    with town.broker:
        yield town


@pytest.fixture
async def dongyang(town: Town, database_url: str) -> AsyncIterator[County]:
    """On 10 January 2019; Li and Chen are covered."""
    async with county(Servers(database_url=database_url, nats_url=town.url)) as here:
        await here.insures(LI, CHEN)
        await here.on(JANUARY)
        yield here


def bill(*more: str) -> tuple[str, ...]:
    stay = ("--admitted", "2019-01-02", "--discharged", "2019-01-09", "--diagnosis", "急性阑尾炎")
    money = ("--total", "9000.00", "--insurance", "6000.00", "--invoice", "330700000001")
    return (*stay, *money, "--authorisation", "授权书-1", *more)


async def test_a_hospital_quotes_confirms_and_takes_back_under_its_own_number(town: Town, dongyang: County) -> None:
    asked = ("quote", "JS1", *bill("--member", str(LI)))
    quoted = await town.settlement(*asked)
    assert (quoted["status"], quoted["settlement_number"]) == ("quoted", "JS1")
    assert float(quoted["amount"]) > 0
    assert await town.settlement(*asked) == quoted  # asked again, it is the same quote
    confirmed = await town.settlement("confirm", "JS1")
    assert (confirmed["status"], confirmed["amount"]) == ("confirmed", quoted["amount"])
    assert (await town.settlement("cancel", "JS1"))["status"] == "cancelled"
    assert (await town.settlement("show", "JS1"))["status"] == "cancelled"


async def test_a_patient_known_by_their_identity_card_is_quoted_with_their_consent_alone(
    town: Town, dongyang: County
) -> None:
    asked = ("quote", "JS2", *bill("--card", number_of(CHEN)))
    code, said = await town.hospital(*asked)
    assert (code, said.partition(" ")[0]) == (2, "unknown_patient")
    consent = GiveConsent(
        member_id=CHEN,
        purpose=ConsentPurpose.SHARE_WITH_HOSPITAL,
        to="dyrmyy",
        evidence="授权书-2",
    )
    await dongyang.tells(consent)
    assert (await town.settlement(*asked))["status"] == "quoted"


async def test_a_settlement_that_there_is_not_is_refused_in_words_for_a_person(town: Town, dongyang: County) -> None:
    code, said = await town.hospital("confirm", "JS9")
    assert (code, said) == (2, "unknown_settlement (职工医疗互助保障 第9条): 没有结算流水号为JS9的结算")
