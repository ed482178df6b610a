"""Several at once: two processes of the service, hundreds of claims on one account, the same message many times over;
the ceiling, the invoice and the payment hold."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_port
from services.aid.domain.account import ACCOUNT
from services.aid.domain.pool import POOL, pool_key
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.schemas.aid import (
    AccountEvent,
    AssessClaim,
    BenefitSettled,
    CeilingReleased,
    CeilingReserved,
    HospitalSettlementConfirmed,
    LedgerAccount,
    PaymentInstructed,
    PoolPosted,
    account_id,
)
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Command, Refused
from shared.schemas.money import Fen, fen
from tests.services.aid.cases import AT_THE_HOSPITAL, CLERK, DONGYANG, LI, PERIOD, claim, confirm, file, of, quote
from tests.services.aid.county import County, Servers
from tests.waiting import until

AT_ONCE = 200
CEILING = fen(30_000)


class Process:
    """Mutual aid as a process of its own, beside the instance of the test."""

    def __init__(self, servers: Servers, log: Path) -> None:
        self._log, self._port = log, free_port()
        self._environment = {
            **os.environ,
            "DATABASE_URL": servers.database_url,
            "NATS_URL": servers.nats_url,
            "MASTER_KEY": b64encode(servers.settings().wrapping_key).decode(),
            "HTTP_PORT": str(self._port),
            "CLOCK": "settable",
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Process"]:
        with self._log.open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.aid.service"), env=self._environment, stdout=out, stderr=out
            )
            try:
                await until(self._ready, seconds=60)
                yield self
            finally:
                if self._process.returncode is None:
                    self.kill()
                await self._process.wait()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    async def commands(self) -> float:
        """How many it has answered."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self._port}/metrics")).text
        counted = [line for line in text.splitlines() if line.startswith("niangjia_commands_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in counted)

    async def _ready(self) -> bool:
        assert self._process.returncode is None, self._log.read_text(errors="replace")[-2000:]
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self._port}/health/ready")).status_code == 200
            except httpx.TransportError:
                return False


async def insistently(here: County, command: Command, actor: Actor) -> str:
    """Sent under one id until it is decided, as a hospital's terminal would: `done`, or the code of the refusal."""
    envelope = Envelope.fresh(actor, DONGYANG, new_id())
    while True:
        try:
            await here.client.send("aid", command, envelope)
        except Refused as refused:
            if refused.refusal.code != "busy":
                return refused.refusal.code
        else:
            return "done"


async def used_at_every_prefix(here: County) -> list[Fen]:
    """What is held and granted of Li's ceiling, event by event."""
    used, at = [], 0
    stream = await here.aid.store.stream(ACCOUNT.stream(account_id(LI, PERIOD)))
    for recorded in stream:
        event = recorded.event
        assert isinstance(event, AccountEvent)
        match event:
            case CeilingReserved():
                at += event.amount
            case BenefitSettled():
                pass  # what was held is granted
            case _:
                at -= event.amount
        used.append(at)
    return used


@pytest.mark.timeout(120)
async def test_two_hundred_claims_on_one_account_at_two_processes_end_at_the_ceiling_exactly(
    january: County, tmp_path: Path
) -> None:
    """Each would pay 1,100: twenty-seven fit, the next is reduced to 300, and there is nothing left for the others."""
    async with Process(january.servers, tmp_path / "aid.log").running() as other:
        quotes = [quote("3250", f"S{n}", (f"3301000000{n:04d}",)) for n in range(AT_ONCE)]
        answers = await asyncio.gather(*(insistently(january, one, AT_THE_HOSPITAL) for one in quotes))
        assert Counter(answers) == {"done": 28, "nothing_to_pay": AT_ONCE - 28}
        granted = [one.settlement_number for one, answer in zip(quotes, answers, strict=True) if answer == "done"]
        confirmed = await asyncio.gather(
            *(insistently(january, confirm(number), AT_THE_HOSPITAL) for number in granted)
        )
        assert set(confirmed) == {"done"}
        assert 0 < await other.commands() < AT_ONCE + len(granted)
    used = await used_at_every_prefix(january)
    assert (max(used), used[-1]) == (CEILING, CEILING)
    assert sum(one.amount for one in await january.told(HospitalSettlementConfirmed)) == CEILING
    ledger = await january.state(POOL, pool_key(DONGYANG, PERIOD))
    assert ledger[LedgerAccount.BENEFITS] == CEILING
    for posted in await january.told(PoolPosted):
        assert sum(line.debit for line in posted.lines) == sum(line.credit for line in posted.lines)


@pytest.mark.timeout(120)
async def test_a_process_killed_among_quotes_and_confirmations_leaves_each_done_once_or_not_at_all(
    january: County, tmp_path: Path
) -> None:
    """The hospital's terminals call again under the same ids until somebody answers."""
    january.client = Client(january.registry.connection, timeout=2, patience=60)
    async with Process(january.servers, tmp_path / "aid.log").running() as other:

        async def settles(number: int) -> str:
            told = quote("700", f"S{number}", (f"3301000000{number:04d}",))
            assert await insistently(january, told, AT_THE_HOSPITAL) == "done"
            if number == 10:
                other.kill()
            return await insistently(january, confirm(f"S{number}"), AT_THE_HOSPITAL)

        assert set(await asyncio.gather(*(settles(number) for number in range(30)))) == {"done"}
    confirmed = [one.settlement_number for one in await january.told(HospitalSettlementConfirmed)]
    assert (len(confirmed), len(set(confirmed))) == (30, 30)
    instructed = await january.once_told(PaymentInstructed, 30)
    await january.reacted()
    assert len(await january.told(PaymentInstructed)) == len({one.claim_id for one in instructed}) == 30
    account = await january.state(ACCOUNT, account_id(LI, PERIOD))
    assert (sum(account.settled.values()), account.reserved) == (30 * 80_00, {})


async def test_by_hand_and_at_the_hospital_at_two_instances_the_ceiling_holds(january: County) -> None:
    await january.another()
    for number in range(6):
        await january.does(file("20000", str(number), (f"3301000001{number:04d}",)), of(LI))
    await asyncio.gather(
        *(insistently(january, AssessClaim(claim_id=claim(str(number))), CLERK) for number in range(6)),
        *(insistently(january, quote("20000", f"S{n}", (f"3301000000{n:04d}",)), AT_THE_HOSPITAL) for n in range(6)),
    )
    used = await used_at_every_prefix(january)
    assert max(used) == used[-1] == CEILING


async def test_one_quote_sent_by_many_terminals_at_once_holds_its_amount_once(january: County) -> None:
    await january.another()
    answers = await asyncio.gather(*(insistently(january, quote(), AT_THE_HOSPITAL) for _ in range(12)))
    assert set(answers) == {"done"}
    assert len(await january.told(CeilingReserved)) == 1
    assert await january.told(CeilingReleased) == []


async def test_one_invoice_under_many_settlements_at_once_counts_once(january: County) -> None:
    await january.another()
    quotes = [quote("1000", f"S{number}") for number in range(12)]
    answers = await asyncio.gather(*(insistently(january, one, AT_THE_HOSPITAL) for one in quotes))
    assert Counter(answers) == {"done": 1, "invoice_counted": 11}


async def test_with_two_instances_each_thing_that_follows_happens_once(january: County) -> None:
    await january.another()
    for number in range(5):
        await january.does(quote("700", f"S{number}", (f"3301000000{number:04d}",)), AT_THE_HOSPITAL)
        await january.does(confirm(f"S{number}"), AT_THE_HOSPITAL)
    await january.once_told(PaymentInstructed, 5)
    await january.reacted()
    assert len(await january.told(PaymentInstructed)) == 5
