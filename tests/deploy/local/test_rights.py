"""Least privilege in PostgreSQL: what a service's own user can't do. Of the broker: `tests/deploy/nats`."""

from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local.rights import grant
from shared.eventsourcing.connections import connected
from shared.eventsourcing.installing import NotInstalled, install_on
from shared.runtime.envelope import Envelope
from shared.runtime.settings import Settings
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import FederationLevel, RegisterFederation
from tests.conftest import Postgres
from tests.deploy.local import tiny_registry
from tests.waiting import until

PASSWORDS = {name: f"of-{name}" for name in ("loan", "registry")}


@pytest.fixture
async def rights(postgres: Postgres, database_url: str) -> AsyncIterator[dict[str, str]]:
    """The services' URLs of a database; the roles, which are the whole server's, are removed afterwards."""
    database = urlsplit(database_url).path[1:]
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


async def test_whoever_looks_after_the_system_reads_logs_and_neither_keys_nor_names(
    rights: dict[str, str], database_url: str
) -> None:
    admin, loan = await asyncpg.connect(database_url), await asyncpg.connect(rights["loan"])
    await loan.execute("create table loan.borrowers (name text)")
    await admin.execute("create role li login password 'of-li' in role observers")
    li = await asyncpg.connect(f"postgresql://li:of-li@{database_url.partition('@')[2]}")
    assert await li.fetch("select * from loan.events") == []
    for statement in ("select * from loan.keys", "select * from loan.borrowers", "delete from loan.letters"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await li.execute(statement)
    await li.close()
    await loan.close()
    await admin.execute("drop role li")
    await admin.close()


async def test_a_service_that_is_newer_than_its_tables_does_not_start(
    rights: dict[str, str], database_url: str, nats_url: str
) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("update registry.installed set digest = 'older' where name = 'append'")
    settings = Settings.model_validate({"database_url": rights["registry"], "nats_url": nats_url})
    with pytest.raises(NotInstalled, match="schema registry lacks append of this version"):
        async with tiny_registry.SERVICE.running(settings):
            pass
    await grant(database_url, urlsplit(database_url).path[1:], {"registry": PASSWORDS["registry"]})
    async with tiny_registry.SERVICE.running(settings):
        pass
    await admin.close()


async def test_what_a_service_owned_before_is_given_to_the_owner(postgres: Postgres, database_url: str) -> None:
    admin, database = await asyncpg.connect(database_url), urlsplit(database_url).path[1:]
    await admin.execute(
        f"create role lending login password 'of-lending'; grant create on database {database} to lending"
    )
    own = f"postgresql://lending:of-lending@{database_url.partition('@')[2]}"
    async with connected(own) as lending:
        await install_on(lending, "lending", "tables", "append")
    await grant(database_url, database, {"lending": "of-lending"})
    async with connected(own) as lending:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await lending.execute("delete from lending.events")
        await install_on(lending, "lending", "tables", "append")
    for role in ("lending", "lending_owner"):
        await admin.execute(f"drop owned by {role} cascade; drop role {role}")
    await admin.close()


async def test_a_service_can_not_pass_for_another(rights: dict[str, str]) -> None:
    forged = rights["registry"].replace("of-registry", "of-loan")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(forged)
