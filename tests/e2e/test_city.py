"""A city over two counties, one of which is cut off: both go on, what needs the city waits, and all comes together.

Three brokers, registry and mutual aid of each county, and the city's service are real; what operators do is done by
the commands that they type; the line between a county and the city is one that the test can cut.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import Any

import asyncpg
import pytest
from nats.errors import NoRespondersError
from nats.js import JetStreamContext

from services.aid.pooled import service as pooled
from services.city.service import service as city_service
from services.registry.service import service as registry_service
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.aid import PaymentInstructed, ReversalGround, ReverseClaim, invoice_id
from shared.schemas.city import CityFundAnswer, ShowCityFund, ShowInvoice
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from shared.schemas.registry import FederationLevel, RecordBankAccount, RegisterFederation
from tests.conftest import Postgres
from tests.deploy.nats.brokers import EVERYTHING, AsMade, done, typed
from tests.e2e.cities import Brokers, brokers, reached
from tests.services.aid.cases import (
    CABLE,
    CABLE_UNION,
    CLERK,
    DONGYANG,
    HEAD,
    JINHUA,
    LI,
    NEXT_PERIOD,
    WANG,
    claim,
    decided_for,
    employer_pays,
    enrol,
    pay,
    workers_pay,
)
from tests.services.aid.county import OPERATOR, County, Servers, found
from tests.waiting import until

COUNTIES = (DONGYANG, JINHUA)
JUNE, NOVEMBER = date(2019, 6, 20), date(2019, 11, 20)
SAME, OTHER = "33011234567890", "33019999999999"
"""Invoices: one that comes up in both counties, and one of the city proper alone."""
STAY = {"admitted_on": date(2019, 10, 8), "discharged_on": date(2019, 10, 20)}
OFFICER = Actor(role=Role.OFFICER, id="jin")
BENEFIT = fen("17421.13")
COME_TOGETHER = 150
"""Seconds: whoever asked a broker in vain asks again after ten, then twenty, and so on up to two minutes."""


@pytest.mark.timeout(400)
async def test_a_county_that_is_cut_off_works_on_and_comes_together_with_the_city_again(postgres: Postgres) -> None:
    with brokers(COUNTIES) as servers:
        async with AsyncExitStack() as stack:
            databases = [await stack.enter_async_context(_database(postgres, name)) for name in ("city", *COUNTIES)]
            city_js = (await stack.enter_async_context(reached(servers.city))).jetstream()
            await _provisioned(servers)
            for link in servers.links.values():
                await link.heal()
                stack.callback(link.close)
            city = await stack.enter_async_context(
                city_service.running(Servers(database_url=databases[0], **servers.city.signed_in_as("city")).settings())
            )
            dongyang, jinhua = [
                await stack.enter_async_context(_county(database, servers.counties[code], code))
                for database, code in zip(databases[1:], COUNTIES, strict=True)
            ]
            await _story(servers, city, dongyang, jinhua)
            await _all_came_up_once_and_in_order(city_js, {DONGYANG: dongyang, JINHUA: jinhua})
            await _nothing_else_is_reached(servers)


async def _story(servers: Brokers, city: Running, dongyang: County, jinhua: County) -> None:
    asking = Client(city.connection, timeout=10)

    async def fund() -> CityFundAnswer:
        query = ShowCityFund(pool=JINHUA, period=NEXT_PERIOD)
        answer: CityFundAnswer = await asking.ask("city", query, Envelope.fresh(OFFICER, JINHUA))
        return answer

    # Together: what the city proper claims is admitted and paid.
    await _granted(jinhua, "金一", OTHER, JINHUA)
    await jinhua.once_told(PaymentInstructed)

    await _seen(servers, {DONGYANG: "up", JINHUA: "up"})

    # Dongyang is cut off, and grants a claim on an invoice; so does the city proper, on the same, and is heard first.
    servers.links[DONGYANG].cut()
    await _granted(dongyang, "东一", SAME, DONGYANG)
    assert await dongyang.tries(pay("东一"), CLERK) == "awaits_city"
    assert await dongyang.told(PaymentInstructed) == []
    await _granted(jinhua, "金二", SAME, JINHUA, self_paid="10000")
    await jinhua.once_told(PaymentInstructed, 2)

    await _seen(servers, {DONGYANG: "away", JINHUA: "up"})

    # The line is back: the city hears of both, Dongyang hears that it came second, and pays nothing.
    await servers.links[DONGYANG].heal()

    async def refused_by_the_city() -> bool:
        return await dongyang.tries(pay("东一"), CLERK) == "counted_in_the_city"

    await until(refused_by_the_city, COME_TOGETHER)
    shown = await asking.ask("city", ShowInvoice(invoice_id=invoice_id(JINHUA, SAME)), Envelope.fresh(OFFICER, JINHUA))
    assert (shown.county, shown.claim_id, shown.waiting) == (JINHUA, claim("金二"), 1)

    # The city proper lets it go: Dongyang's turn has come, and it is paid, once.
    await jinhua.does(ReverseClaim(claim_id=claim("金二"), ground=ReversalGround.MISTAKE), HEAD, federation=JINHUA)
    (paid,) = await dongyang.once_told(PaymentInstructed)
    assert (paid.claim_id, paid.amount) == (claim("东一"), BENEFIT)
    await dongyang.reacted()
    assert len(await dongyang.told(PaymentInstructed)) == 1

    # The pooled fund has both counties' entries.
    async def complete() -> bool:
        return (await fund()).payable == 2 * BENEFIT

    await until(complete, COME_TOGETHER)
    pool = await fund()
    assert (pool.bank, pool.balanced) == (fen("100"), True)
    assert [(one.county, one.contributions, one.benefits) for one in pool.counties] == [
        (JINHUA, fen("50"), BENEFIT),
        (DONGYANG, fen("50"), BENEFIT),
    ]


async def _provisioned(servers: Brokers) -> None:
    """By commands that may be repeated."""
    for _ in range(2):
        for code in COUNTIES:
            await asyncio.to_thread(done, "city", "provision", by=servers.counties[code])
        named = await asyncio.to_thread(done, "city", "provision", *COUNTIES, by=servers.city)
        assert named == f"city takes AID of {JINHUA}, {DONGYANG} and holds CITY for them\n"
    refused = await asyncio.to_thread(typed, "city", "provision", JINHUA, by=servers.counties[DONGYANG])
    assert (refused.exit_code, f"the broker of county {DONGYANG}" in refused.output) == (1, True)


async def _seen(servers: Brokers, lines: dict[str, str]) -> None:
    """`niangjia city status` comes to say so, and that whoever is not away has come in; each county sees its own."""

    async def told(by: AsMade) -> dict[str, Any]:
        result = await asyncio.to_thread(typed, "city", "status", "-o", "json", by=by)
        shown = {one["county"]: one for one in json.loads(result.output)}
        assert result.exit_code == (0 if all(one["line"] == "up" for one in shown.values()) else 1)
        return shown

    shown: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    async def so() -> bool:
        nonlocal shown
        city = await told(servers.city)
        own = {code: (await told(servers.counties[code]))[code] for code in lines}
        shown = city, own
        settled = all(city[code] == own[code] and city[code]["behind"] == 0 for code in lines if lines[code] == "up")
        away = all(city[code]["log"] is None and own[code]["behind"] > 0 for code in lines if lines[code] == "away")
        return settled and away and all(city[code]["line"] == own[code]["line"] == lines[code] for code in lines)

    try:
        await until(so, COME_TOGETHER)
    except TimeoutError:
        logs = "\n".join(one.log_of_this_run()[-3000:] for one in (servers.city, *servers.counties.values()))
        pytest.fail(f"the city sees {shown[0]}, its counties {shown[1]}; their brokers say\n{logs}")


async def _granted(county: County, name: str, invoice: str, federation: str, self_paid: str = "33535.22") -> None:
    for command, actor, _ in decided_for(self_paid, name, invoices=(invoice,), **STAY):
        await county.does(command, actor, federation=federation)


async def _all_came_up_once_and_in_order(city: JetStreamContext, counties: dict[str, County]) -> None:
    """The city has every event of each county, each once, in its order."""
    heads = {code: await county.aid.store.head() for code, county in counties.items()}

    async def there() -> bool:
        last = {code: await city.get_last_msg("AID", f"evt.{code}.aid.>") for code in counties}
        return all(int((message.headers or {})["ce-position"]) >= heads[code] for code, message in last.items())

    await until(there, COME_TOGETHER)
    total = (await city.stream_info("AID")).state.messages
    arrived = [await city.get_msg("AID", seq=sequence) for sequence in range(1, total + 1)]
    for code, county in counties.items():
        mine = [message.headers or {} for message in arrived if (message.subject or "").startswith(f"evt.{code}.")]
        assert [int(headers["ce-position"]) for headers in mine] == list(range(1, len(mine) + 1))
        log = [str(recorded.id) async for page in county.aid.store.all() for recorded in page]
        assert [headers["ce-id"] for headers in mine] == log[: len(mine)]


async def _nothing_else_is_reached(servers: Brokers) -> None:
    """Neither the city's other streams from a county, nor a county's from the city or from its neighbour."""
    denied = (
        (servers.counties[DONGYANG], "$JS.city.API.STREAM.INFO.AID"),
        (servers.counties[DONGYANG], "$JS.city.API.STREAM.NAMES"),
        (servers.counties[DONGYANG], f"$JS.county-{JINHUA}.API.STREAM.INFO.AID"),
        (servers.counties[DONGYANG], f"cmd.{JINHUA}.city.RegisterInvoice"),
        (servers.city, f"$JS.county-{DONGYANG}.API.STREAM.DELETE.AID"),
        (servers.city, f"$JS.county-{DONGYANG}.API.STREAM.MSG.GET.AID"),
        (servers.city, f"cmd.{DONGYANG}.registry.EraseMember"),
    )
    for server, subject in denied:
        async with reached(server) as connection:
            with pytest.raises(NoRespondersError):
                await connection.request(subject, b"{}", timeout=5)


@asynccontextmanager
async def _database(postgres: Postgres, name: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(postgres.url())
    try:
        await admin.execute(f"create database city_test_{name}")
        yield postgres.url(f"city_test_{name}")
        await admin.execute(f"drop database city_test_{name} with (force)")
    finally:
        await admin.close()


@asynccontextmanager
async def _county(database: str, broker: AsMade, code: str) -> AsyncIterator[County]:
    """In November 2019: the cable works of a county, where Li works and is insured."""
    servers = Servers(database_url=database, **broker.signed_in_as("aid"))
    sets_the_clock = Servers(database_url=database, **broker.signed_in_as(EVERYTHING.name))
    async with (
        reached(broker) as connection,
        registry_service.running(sets_the_clock.settings()) as registry,
        AsyncExitStack() as stack,
    ):
        aid = await stack.enter_async_context(pooled.running(servers.settings()))
        await until(aid.reacting.is_set, seconds=30)
        here = County(Client(connection, timeout=10), registry, aid, servers, stack, running=[registry, aid])
        await here.on(JUNE)
        registered = RegisterFederation(code=code, name="金华一县总工会", level=FederationLevel.COUNTY)
        await here.does(registered, OPERATOR, federation=code)
        await found(here, CABLE, CABLE_UNION, "电缆厂", WANG, (LI,), federation=code)
        for command in (
            enrol(LI, period=NEXT_PERIOD),
            employer_pays(period=NEXT_PERIOD),
            workers_pay(period=NEXT_PERIOD),
        ):
            await here.does(command, CLERK, federation=code)
        account = RecordBankAccount(member_id=LI, account=Personal("6222000000000001"), bank=Personal("农业银行"))
        await here.tells(account, federation=code)
        await here.on(NOVEMBER)
        yield here
