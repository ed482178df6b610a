"""Erasure (个人信息保护法 第47条), and that a person's data stands in clear nowhere but in the read model."""

from typing import Any

import pytest
from nats.aio.client import Client as Connection

from services.registry.service import service
from services.registry.views import Members
from shared.eventsourcing.verification import Verified, verify
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Refused
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    ChangeContacts,
    ContactAnswer,
    CorrectIdentity,
    EraseMember,
    ErasureGround,
    FindMember,
    RevokeHonour,
    ShowContacts,
    ShowHousehold,
    ShowIdentity,
    ShowMember,
    ShowRoster,
    ShowUnion,
    UnionPost,
)
from tests.services.registry.desk import BANK, OFFICER, SYSTEM, Desk, cadre, number, oneself
from tests.services.registry.examples import NAME, NUMBER, PHONE, Holding, every_command, every_query, holding
from tests.waiting import until

ACCOUNT, EMAIL = "62220200001111", "ouyang@example.com"
SECRETS = (NAME, NUMBER, PHONE, ACCOUNT, EMAIL, "13900001111", number(901), "材料不实", "南浔银行练市支行")


@pytest.fixture
async def held(desk: Desk) -> Holding:
    return await holding(desk)


async def erased(desk: Desk, member_id: MemberId) -> None:
    """Until the reaction has destroyed the key."""
    accepted = await desk.send(EraseMember(member_id=member_id, ground=ErasureGround.CONSENT_WITHDRAWN))
    assert accepted.stream == f"member-{member_id}"

    async def gone() -> bool:
        wrapped = "select wrapped is null from registry.keys where subject = $1"
        return bool(await desk.registry.store.pool.fetchval(wrapped, member_id))

    await until(gone)


async def test_an_erased_members_key_is_gone_and_their_events_read_as_erased(desk: Desk, held: Holding) -> None:
    await erased(desk, held.member_id)
    events = await desk.opened(held.member_id)
    fields = [getattr(event, name) for event in events for name in event.personal_fields]
    assert [field.is_erased for field in fields if field is not None] == [True] * 4
    assert [type(event).__name__ for event in events][-1] == "MemberErased"


async def test_an_erased_member_answers_with_ids_alone(desk: Desk, held: Holding) -> None:
    await erased(desk, held.member_id)
    for actor in (OFFICER, oneself(held.member_id)):
        shown = await desk.ask(ShowMember(member_id=held.member_id, in_clear=True), actor)
        assert shown.erased
        assert (shown.name.is_erased, shown.id_number.is_erased) == (True, True)
        assert (shown.phone, shown.email, shown.account, shown.bank, shown.post) == (None,) * 5
        assert (shown.honours, shown.consents) == ((), ())
    assert await desk.ask(ShowContacts(member_ids=(held.member_id,)), SYSTEM) == (
        ContactAnswer(member_id=held.member_id, name=None, phone=None, email=None),
    )
    assert await desk.ask(FindMember(id_number=Personal(NUMBER))) is None
    assert await desk.refused(ShowIdentity(member_id=held.member_id), BANK) == "no_consent"
    assert (await desk.ask(ShowRoster(union_id=held.union_id))).total == 0
    assert (await desk.ask(ShowHousehold(household_id=held.household_id))).member_ids == ()


async def test_nothing_is_done_with_an_erased_member_any_more(desk: Desk, held: Holding) -> None:
    await erased(desk, held.member_id)
    for command in every_command(held):
        if "member_id" in type(command).model_fields and "id_number" not in type(command).model_fields:
            actor = OFFICER if OFFICER.role in command.roles else SYSTEM
            expected = "not_a_contact" if type(command).__name__.startswith("Relieve") else "member_erased"
            assert await desk.refused(command, actor) == expected, type(command).__name__


async def test_an_erased_members_number_is_free_for_a_new_one(desk: Desk, held: Holding) -> None:
    await erased(desk, held.member_id)
    row = desk.row(held.union_id, held.employer_id, id_number=NUMBER)
    again = await desk.send(row)
    assert again.stream == f"member-{row.member_id}"
    assert row.member_id != held.member_id
    assert (await desk.ask(FindMember(id_number=Personal(NUMBER)))).member_id == row.member_id


async def test_an_erased_cadre_acts_for_nobody(desk: Desk, held: Holding) -> None:
    appoint = AppointUnionContact(union_id=held.union_id, member_id=held.member_id, post=UnionPost.CHAIR)
    await desk.send(appoint)
    assert (await desk.ask(ShowRoster(union_id=held.union_id), cadre(held.member_id))).total == 1
    await erased(desk, held.member_id)
    assert await desk.refused(ShowRoster(union_id=held.union_id), cadre(held.member_id)) == "not_yours"
    assert (await desk.ask(ShowUnion(union_id=held.union_id))).contacts == ()


async def test_the_log_is_whole_after_an_erasure(desk: Desk, held: Holding) -> None:
    await erased(desk, held.member_id)
    head = await desk.registry.store.head()

    async def sealed() -> bool:
        position = await desk.registry.store.pool.fetchval("select max(position) from registry.seals")
        return bool(position == head)

    await until(sealed)
    verified = await verify(desk.registry.store)
    assert isinstance(verified, Verified)
    assert (verified.head.position, verified.sealed) == (head, head)


async def test_a_rebuild_shows_nothing_of_the_erased_and_all_of_the_others(desk: Desk, held: Holding) -> None:
    wang = await desk.member(held.union_id, held.employer_id, name="王芳", phone="13900001111")
    await erased(desk, held.member_id)
    before = await desk.registry.read_models.some(Members, "true order by member_id")
    await desk.registry.read_models.own.rebuild(Members)
    after = await desk.registry.read_models.some(Members, "true order by member_id")
    assert after == before
    assert [(row.member_id, row.name, row.phone) for row in after] == [
        (held.member_id, "", None),
        (wang, "王芳", "13900001111"),
    ]


async def test_who_was_erased_stays_so_after_a_restart(desk: Desk, held: Holding, settings: Settings) -> None:
    await erased(desk, held.member_id)
    async with service.running(settings) as second:
        there = Desk(desk.client, second)
        assert all(event.name.is_erased for event in await there.opened(held.member_id) if hasattr(event, "name"))


async def test_the_erasure_of_a_union_member_leaves_their_union_as_it_was(desk: Desk, held: Holding) -> None:
    wang = await desk.member(held.union_id, held.employer_id, name="王芳")
    await erased(desk, held.member_id)
    assert (await desk.shown(wang)).name.clear == "王芳"
    assert (await desk.ask(ShowUnion(union_id=held.union_id))).members == 1


# In clear nowhere


async def test_no_personal_datum_stands_in_clear_in_the_log_the_broker_or_what_was_printed(
    desk: Desk, held: Holding, connection: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    """Everything that can be done and refused is done; then every table but the read model is searched."""
    await play(desk, held)
    await until(lambda: desk.registry.relay.published == desk.position)
    assert await clear_in_tables(desk.registry) == {"members"}
    assert await clear_in_messages(desk.registry, connection) == set()
    printed = capfd.readouterr()
    assert "call failed" not in printed.out + printed.err
    assert [secret for secret in SECRETS if secret in printed.out + printed.err] == []
    await erased(desk, held.member_id)
    await until(lambda: desk.registry.relay.published == desk.position)
    assert await clear_in_tables(desk.registry) == set()


async def play(desk: Desk, held: Holding) -> None:
    union, employer, li = held.union_id, held.employer_id, held.member_id
    told: dict[str, Any] = {"name": NAME, "id_number": NUMBER, "phone": PHONE, "email": EMAIL}
    told |= {"account": ACCOUNT, "bank": "南浔银行练市支行"}
    await desk.send(desk.row(union, employer, **told))
    await desk.send(ChangeContacts(member_id=li, phone=Personal("13900001111"), email=Personal(EMAIL)))
    await desk.send(CorrectIdentity(member_id=li, name=Personal(NAME), id_number=Personal(number(901))))
    await desk.send(RevokeHonour(member_id=li, honour_id=held.honour_id, ground=Personal("材料不实")), SYSTEM)
    for refused in (
        desk.somebody(union, employer, name=NAME, id_number=number(901), phone=PHONE),
        desk.somebody(union, employer, name=f"{NAME}({PHONE})", id_number=NUMBER),
        desk.row(UnionId(union), employer, **told | {"account": f"{ACCOUNT}x"}),
        FindMember(id_number=Personal(f"{NUMBER}1")),
        ChangeContacts(member_id=li, phone=Personal(f"{PHONE}1"), email=Personal(f"{EMAIL} ")),
    ):
        with pytest.raises(Refused) as raised:
            await (desk.send(refused) if not isinstance(refused, FindMember) else desk.ask(refused))
        assert not any(secret in str(raised.value.refusal) for secret in SECRETS)
    for query in every_query(held):
        actor = next(actor for actor in (OFFICER, SYSTEM, BANK) if actor.role in query.roles)
        await desk.ask(query, actor)
    body = f'{{"name": "{NAME}", "id_number": "{NUMBER}", "phone": ["{PHONE}"]}}'.encode()
    headers = {"actor": "officer:zhou"}
    _, reply = await desk.client.call("cmd.330503.registry.RegisterMember", body, headers)
    assert not any(secret.encode() in reply for secret in (NAME, NUMBER, PHONE))


async def clear_in_tables(registry: Running) -> set[str]:
    """Tables of the service's schema that show a datum."""
    pool, showing = registry.store.pool, set()
    tables = await pool.fetch("select tablename from pg_tables where schemaname = 'registry'")
    assert {"events", "commits", "keys", "letters", "members", "seals"} <= {row[0] for row in tables}
    for (table,) in tables:
        for (row,) in await pool.fetch(f"select t::text from registry.{table} t"):
            if any(secret in row for secret in SECRETS):
                showing.add(table)
    return showing


async def clear_in_messages(registry: Running, connection: Connection) -> set[str]:
    """Subjects of the service's stream whose messages show a datum, in headers or body."""
    js, showing = connection.jetstream(), set()
    head = await registry.store.head()
    for sequence in range(1, head + 1):
        message = await js.get_msg("REGISTRY", seq=sequence)
        whole = f"{message.subject} {message.headers} {(message.data or b'').decode()}"
        if any(secret in whole for secret in SECRETS):
            showing.add(str(message.subject))
    assert head > 15
    return showing
