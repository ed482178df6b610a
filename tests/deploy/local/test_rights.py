"""Least privilege on the local servers: what a service's own user can't do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.js.api import StreamConfig
from nats.js.errors import APIError

from deploy.local.nats import FAST as NATS_FAST
from deploy.local.nats import NatsServer
from deploy.local.ports import free_port
from deploy.local.rights import OPERATOR, broker_users, grant
from shared.eventsourcing.installing import NotInstalled, install
from shared.runtime.envelope import Envelope
from shared.runtime.settings import Settings
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import FederationLevel, RegisterFederation
from tests.conftest import Postgres
from tests.deploy.local import tiny_registry
from tests.waiting import until

PASSWORDS = {name: f"of-{name}" for name in (OPERATOR, "loan", "registry")}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path / "nats", free_port(), broker_users(PASSWORDS), sync_interval=NATS_FAST) as server:
        yield server


class User:
    """A connection as one of the users, and what the broker denied it."""

    def __init__(self, connection: Connection, denied: asyncio.Queue[str]) -> None:
        self.connection, self._denied = connection, denied

    async def denied(self) -> str:
        async with asyncio.timeout(5):
            return await self._denied.get()


async def enter(broker: NatsServer, name: str) -> User:
    denied: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        denied.put_nowait(str(error))

    connection = await nats.connect(broker.url(name, PASSWORDS[name]), error_cb=note, allow_reconnect=False)
    return User(connection, denied)


async def make_streams(broker: NatsServer) -> None:
    for name in ("loan", "registry"):
        user = await enter(broker, name)
        await user.connection.jetstream().add_stream(StreamConfig(name=name.upper(), subjects=[f"evt.*.{name}.>"]))
        await user.connection.close()


async def test_a_service_publishes_no_events_but_its_own(broker: NatsServer) -> None:
    await make_streams(broker)
    loan = await enter(broker, "loan")
    ack = await loan.connection.jetstream().publish("evt.330503.loan.LoanEndorsed.nxbank", b"{}")
    assert (ack.stream, ack.seq) == ("LOAN", 1)
    await loan.connection.publish("evt.330503.registry.MemberErased", b"{}")
    assert 'publish to "evt.330503.registry.memberErased"'.lower() in (await loan.denied()).lower()
    await loan.connection.close()


async def test_not_even_an_operator_publishes_events(broker: NatsServer) -> None:
    operator = await enter(broker, OPERATOR)
    await operator.connection.publish("evt.330503.loan.LoanEndorsed", b"{}")
    assert "evt.330503.loan" in (await operator.denied()).lower()
    await operator.connection.close()


async def test_a_service_does_not_hear_what_others_are_asked(broker: NatsServer) -> None:
    loan = await enter(broker, "loan")
    await loan.connection.subscribe("qry.*.registry.*")
    assert "subscription" in (await loan.denied()).lower()
    await loan.connection.close()


async def test_a_service_answers_whoever_asks_it(broker: NatsServer) -> None:
    registry, loan = await enter(broker, "registry"), await enter(broker, "loan")

    async def answer(message: Msg) -> None:
        await message.respond(b"here")

    await registry.connection.subscribe("qry.*.registry.*", queue="registry", cb=answer)
    await registry.connection.flush()
    assert (await loan.connection.request("qry.330503.registry.ShowMember", b"{}", timeout=5)).data == b"here"
    await loan.connection.close()
    await registry.connection.close()


async def test_a_service_consumes_the_streams_of_others_and_can_not_remove_them(broker: NatsServer) -> None:
    await make_streams(broker)
    registry, loan = await enter(broker, "registry"), await enter(broker, "loan")
    await registry.connection.jetstream().publish("evt.330503.registry.MemberErased", b"{}")
    consumer = await loan.connection.jetstream().pull_subscribe("evt.*.registry.>", "loan-on-registry", "REGISTRY")
    (message,) = await consumer.fetch(timeout=5)
    await message.ack_sync(timeout=5)
    with pytest.raises((TimeoutError, nats.errors.TimeoutError)):
        await loan.connection.jetstream(timeout=0.3).delete_stream("REGISTRY")
    assert "$js.api.stream.delete.registry" in (await loan.denied()).lower()
    assert (await registry.connection.jetstream().stream_info("REGISTRY")).state.messages == 1
    await loan.connection.close()
    await registry.connection.close()


async def test_only_an_operator_sets_the_clock(broker: NatsServer) -> None:
    loan, operator = await enter(broker, "loan"), await enter(broker, OPERATOR)
    bucket = await loan.connection.jetstream().create_key_value(bucket="clock", history=1)
    with pytest.raises((TimeoutError, nats.errors.TimeoutError, APIError)):
        await asyncio.wait_for(bucket.put("offset-seconds", b"1"), 0.5)
    assert "$kv.clock" in (await loan.denied()).lower()
    await (await operator.connection.jetstream().key_value("clock")).put("offset-seconds", b"2")
    entry = await bucket.get("offset-seconds")
    assert entry.value == b"2"
    await loan.connection.close()
    await operator.connection.close()


@pytest.fixture
async def rights(postgres: Postgres, database_url: str) -> AsyncIterator[dict[str, str]]:
    """The services' URLs of a database; the roles, which are the whole server's, are removed afterwards."""
    database = database_url.rpartition("/")[2]
    services = {name: PASSWORDS[name] for name in ("loan", "registry")}
    for _ in range(2):
        await grant(database_url, database, services)
    address = database_url.partition("@")[2]
    yield {name: f"postgresql://{name}:{password}@{address}" for name, password in services.items()}
    admin = await asyncpg.connect(database_url)
    for name in services:
        for role in (name, f"{name}_owner"):
            await admin.execute(f"drop owned by {role} cascade; drop role {role}")
    await admin.close()


async def test_a_service_makes_read_models_in_its_schema_and_sees_no_other(rights: dict[str, str]) -> None:
    loan, registry = await asyncpg.connect(rights["loan"]), await asyncpg.connect(rights["registry"])
    await registry.execute("create table registry.members (name text)")
    await loan.execute("create table loan.lines (amount bigint); drop table loan.lines")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema registry"):
        await loan.fetch("select * from registry.members")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await loan.execute("create table registry.spy (name text)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await loan.execute("create role boss superuser")
    await loan.close()
    await registry.close()


async def test_a_service_runs_under_its_own_role_from_the_first_command_to_a_rebuilt_read_model(
    rights: dict[str, str], nats_url: str
) -> None:
    settings = Settings.model_validate({"database_url": rights["registry"], "nats_url": nats_url})
    async with tiny_registry.SERVICE.running(settings) as running:
        envelope = Envelope.fresh(Actor(role=Role.OPERATOR, id="zhou"), "330503")
        command = RegisterFederation(code="330503", name="南浔区总工会", level=FederationLevel.COUNTY)
        accepted = await running.commands.carry_out(command, envelope)
        assert await running.read_models.reached(accepted.position, 5)
        assert await running.read_models.own.rebuild(tiny_registry.Federations) == 1
        await until(lambda: running.relay.published == 1)

        async def sealed() -> bool:
            return bool(await running.store.pool.fetchval("select count(*) from registry.seals"))

        await until(sealed)


TAMPERING = (
    "update loan.events set data = '{}'",
    "delete from loan.events",
    "truncate loan.events",
    "drop table loan.events cascade",
    "alter table loan.events disable trigger all",
    "create trigger away before insert on loan.events execute function suppress_redundant_updates_trigger()",
    "create rule away as on insert to loan.events do instead nothing",
    "update loan.commits set position = 9",
    "delete from loan.commits",
    "insert into loan.seals values (1, 'x')",
    "delete from loan.seals",
    "delete from loan.keys",
    "update loan.installed set digest = ''",
    "create or replace function loan.seal(bigint, bytea, bigint[], bytea[]) returns boolean language sql as ''",
    "drop schema loan cascade",
    "create schema mine",
    "set role loan_owner",
)


async def test_what_a_service_has_recorded_it_can_not_change(rights: dict[str, str]) -> None:
    loan = await asyncpg.connect(rights["loan"])
    await loan.execute(
        "insert into loan.events values (1, 'line-1', 1, gen_random_uuid(), 'LineOpened', 1, '{}', '{}', now())"
    )
    went_through = []
    for statement in TAMPERING:
        with suppress(asyncpg.InsufficientPrivilegeError):
            await loan.execute(statement)
            went_through.append(statement)
    assert not went_through
    await loan.close()


async def test_a_service_that_is_newer_than_its_tables_does_not_start(
    rights: dict[str, str], database_url: str, nats_url: str
) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("update registry.installed set digest = 'older' where name = 'append'")
    settings = Settings.model_validate({"database_url": rights["registry"], "nats_url": nats_url})
    with pytest.raises(NotInstalled, match="schema registry lacks append of this version"):
        async with tiny_registry.SERVICE.running(settings):
            pass
    await grant(database_url, database_url.rpartition("/")[2], {"registry": PASSWORDS["registry"]})
    async with tiny_registry.SERVICE.running(settings):
        pass
    await admin.close()


async def test_what_a_service_owned_before_is_given_to_the_owner(postgres: Postgres, database_url: str) -> None:
    admin, database = await asyncpg.connect(database_url), database_url.rpartition("/")[2]
    await admin.execute(
        f"create role lending login password 'of-lending'; grant create on database {database} to lending"
    )
    own = f"postgresql://lending:of-lending@{database_url.partition('@')[2]}"
    await install(own, "lending", "tables", "append")
    await grant(database_url, database, {"lending": "of-lending"})
    lending = await asyncpg.connect(own)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await lending.execute("delete from lending.events")
    await install(own, "lending", "tables", "append")
    await lending.close()
    for role in ("lending", "lending_owner"):
        await admin.execute(f"drop owned by {role} cascade; drop role {role}")
    await admin.close()


async def test_a_service_can_not_pass_for_another(rights: dict[str, str]) -> None:
    forged = rights["registry"].replace("of-registry", "of-loan")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(forged)
