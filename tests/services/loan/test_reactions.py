"""What happens in the registry reaches the lines: titles, trades, households, memberships. Whole services."""

import asyncio
from datetime import date

import asyncpg

from shared.schemas.ids import EmployerId, HouseholdId, UnionId, new_id
from shared.schemas.loan import (
    EndorseApplication,
    LineAnswer,
    LineId,
    LineMoved,
    LineRetiered,
    RecommendApplication,
    ShowCadreList,
    Tier,
)
from shared.schemas.messages import Actor, Command, Event, Role
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    EndMembership,
    EndOfMembership,
    EraseMember,
    ErasureGround,
    EstablishUnion,
    HonourId,
    JoinHousehold,
    LeaveHousehold,
    MoveMember,
    RecordTrade,
    RegisterEmployer,
    RevokeHonour,
    UnionKind,
    UnionPost,
    WithdrawConsent,
)
from tests.services.loan.county import (
    BANK,
    BENCHMARK,
    MEMBER_RATE,
    OFFICER,
    County,
    Worker,
    accepting,
    application_of,
    granted,
)
from tests.services.registry.rosters import credit_code
from tests.waiting import until


async def heard(nanxun: County, command: Command, actor: Actor = OFFICER) -> None:
    """Done in the registry, and reacted to by the loan."""
    accepted = await nanxun.does(actor, command)
    js = nanxun.registry.connection.jetstream()

    async def acknowledged() -> bool:
        info = await js.consumer_info("REGISTRY", "loan-on-registry")
        return (info.num_pending, info.num_ack_pending) == (0, 0)

    await nanxun.known(accepted)
    await until(acknowledged)


async def told[E: Event](nanxun: County, line: LineId, kind: type[E]) -> list[E]:
    stream = await nanxun.loan.store.stream(f"line-{line}")
    return [event for recorded in stream if isinstance(event := recorded.event, kind)]


def revoke(worker: Worker) -> RevokeHonour:
    return RevokeHonour(member_id=worker.member_id, honour_id=worker.honours[0], ground=Personal("失信"))


async def test_a_title_granted_in_the_middle_of_a_line_lowers_the_rate_of_new_draws_alone(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "10000", 36)
    await heard(nanxun, granted(worker, "南浔工匠", HonourId(new_id())))
    raised = await nanxun.shows(line)
    assert (raised.tier, raised.limit, raised.available) == (Tier.CRAFTSMAN, fen(100_000), fen(90_000))
    await nanxun.draws(worker, line, "20000", 36)
    rates = {draw.amount: draw.terms.rate.annual_percent for draw in (await nanxun.shows(line)).draws}
    assert rates == {fen(10_000): MEMBER_RATE, fen(20_000): BENCHMARK}


async def test_a_title_revoked_in_the_middle_of_a_line_freezes_new_draws_beyond_the_lower_cap(nanxun: County) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    await nanxun.draws(worker, line, "60000", 36)
    await heard(nanxun, revoke(worker))
    lowered = await nanxun.shows(line)
    assert (lowered.tier, lowered.limit, lowered.ceiling) == (Tier.MEMBER, fen(300_000), fen(100_000))
    assert lowered.available == fen(40_000)
    refusal = await nanxun.refusal(worker.actor, nanxun.request(line, "40000.01"))
    assert (refusal.code, refusal.details["available"]) == ("above_available", "40000.00")
    await nanxun.draws(worker, line, "40000", 36)
    rates = {draw.amount: draw.terms.rate.annual_percent for draw in (await nanxun.shows(line)).draws}
    assert rates == {fen(60_000): BENCHMARK, fen(40_000): MEMBER_RATE}


async def test_more_than_the_lower_cap_that_is_owed_already_is_not_called_in(nanxun: County) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    await nanxun.draws(worker, line, "250000", 36)
    await heard(nanxun, revoke(worker))
    shown = await nanxun.shows(line)
    assert (shown.used, shown.available, shown.overdue) == (fen(250_000), 0, 0)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1")) == "above_available"


async def test_one_who_leaves_skilled_work_draws_no_more_until_back_in_it(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await heard(nanxun, RecordTrade(member_id=worker.member_id, skilled=False))
    out = await nanxun.shows(line)
    assert (out.tier, out.ceiling, out.rate) == (None, 0, None)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1000")) == "not_eligible"
    await heard(nanxun, RecordTrade(member_id=worker.member_id, skilled=True))
    assert (await nanxun.shows(line)).available == fen(100_000)


async def test_one_whose_membership_ends_draws_no_more(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await heard(nanxun, EndMembership(member_id=worker.member_id, ground=EndOfMembership.RESIGNED))
    assert (await nanxun.shows(line)).tier is None
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1000")) == "not_a_member"


async def test_of_one_who_is_erased_the_debt_is_left_and_no_more_is_lent(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "5000")
    await heard(nanxun, EraseMember(member_id=worker.member_id, ground=ErasureGround.KEPT_LONG_ENOUGH))
    shown = await nanxun.shows(line)
    assert (shown.tier, shown.used, shown.available) == (None, fen(5_000), 0)
    await nanxun.repays(line, "5000")
    assert (await nanxun.shows(line)).used == 0


async def test_a_line_moves_with_its_member_to_another_household_and_counts_there(nanxun: County) -> None:
    host, guest = await nanxun.worker(), await nanxun.worker()
    lines = [await nanxun.line(host, "70000"), await nanxun.line(guest, "60000")]
    await heard(nanxun, JoinHousehold(member_id=guest.member_id, household_id=host.household_id))
    moved = await nanxun.shows(lines[1])
    assert (moved.household_id, moved.limit, moved.available) == (host.household_id, fen(60_000), fen(30_000))
    assert (await nanxun.shows(lines[0])).available == fen(70_000)
    relative = await nanxun.worker(household=host)
    assert (await nanxun.refusal(relative.actor, application_of(relative, "1000"))).code == "household_cap"

    own = HouseholdId(new_id())
    await heard(nanxun, LeaveHousehold(member_id=guest.member_id, household_id=own))
    back = await nanxun.shows(lines[1])
    assert (back.household_id, back.available) == (own, fen(60_000))
    assert [moved.household_id for moved in await told(nanxun, lines[1], LineMoved)] == [host.household_id, own]


async def test_when_one_leaves_a_household_the_others_have_their_room_again(nanxun: County) -> None:
    host, guest = await nanxun.worker(), await nanxun.worker()
    lines = [await nanxun.line(host, "70000"), await nanxun.line(guest, "60000")]
    await heard(nanxun, JoinHousehold(member_id=host.member_id, household_id=guest.household_id))
    assert [(await nanxun.shows(line)).available for line in lines] == [fen(40_000), fen(60_000)]
    await heard(nanxun, LeaveHousehold(member_id=guest.member_id, household_id=HouseholdId(new_id())))
    assert [(await nanxun.shows(line)).available for line in lines] == [fen(70_000), fen(60_000)]


async def test_an_application_under_way_is_judged_by_the_titles_of_the_day_it_is_endorsed_and_accepted(
    nanxun: County,
) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    application = await nanxun.applies(worker, "300000")
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    await nanxun.does(OFFICER, EndorseApplication(application_id=application))
    await heard(nanxun, revoke(worker))
    assert await nanxun.tries(BANK, accepting(application, "300000", BENCHMARK)) == "above_tier_cap"
    assert await nanxun.tries(BANK, accepting(application, "100000", MEMBER_RATE)) == "done"


async def test_after_consent_is_withdrawn_nothing_more_is_sent_to_the_bank(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.applies(worker)
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    assert worker.consent_id is not None
    withdraw = WithdrawConsent(member_id=worker.member_id, consent_id=worker.consent_id)
    await heard(nanxun, withdraw, worker.actor)
    assert await nanxun.tries(OFFICER, EndorseApplication(application_id=application)) == "no_consent"


async def test_a_line_is_looked_after_by_the_union_that_its_member_is_of_now(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    employer, union = EmployerId(new_id()), UnionId(new_id())
    await nanxun.does(
        OFFICER, RegisterEmployer(employer_id=employer, name="木业公司", credit_code=credit_code("91330503MA2000002"))
    )
    await nanxun.does(
        OFFICER, EstablishUnion(union_id=union, name="木业工会", kind=UnionKind.SINGLE, employer_ids=(employer,))
    )
    cadre = await nanxun.worker()
    await nanxun.does(OFFICER, AppointUnionContact(union_id=union, member_id=cadre.member_id, post=UnionPost.CADRE))
    await heard(nanxun, MoveMember(member_id=worker.member_id, union_id=union, employer_id=employer))
    acting = Actor(role=Role.CADRE, id=str(cadre.member_id))
    assert (await nanxun.shows(line, acting)).union_id == union
    listed = await nanxun.asks(acting, ShowCadreList(union_id=union))
    assert [row.line_id for row in listed.lines] == [line]
    assert (await nanxun.asks(nanxun.cadre, ShowCadreList(union_id=nanxun.union_id))).lines == ()


# Once


async def test_a_title_revoked_while_the_loan_is_down_is_acted_on_once_however_often_it_is_heard(
    nanxun: County,
) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    await nanxun.stop_loan()
    await nanxun.does(OFFICER, revoke(worker))
    await nanxun.start_loan()
    lowered: LineAnswer = await nanxun.until_line(line, lambda shown: shown.tier is Tier.MEMBER)
    assert lowered.ceiling == fen(100_000)
    head = await nanxun.loan.store.head()

    await nanxun.stop_loan()
    await nanxun.registry.connection.jetstream().delete_consumer("REGISTRY", "loan-on-registry")
    await nanxun.start_loan()  # the consumer begins anew, from the first event
    other = await nanxun.worker()
    await heard(nanxun, RecordTrade(member_id=other.member_id, skilled=False))
    assert await nanxun.loan.store.head() == head
    assert len(await told(nanxun, line, LineRetiered)) == 1


async def test_a_reaction_waits_until_the_loan_knows_what_it_reacts_to(nanxun: County) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    blocker = await asyncpg.connect(nanxun.database_url)
    await blocker.execute("begin; lock table loan.borrowers in share mode")  # the read model stands still
    revoked = await nanxun.does(OFFICER, revoke(worker))
    js = nanxun.registry.connection.jetstream()

    async def handed_over() -> bool:
        info = await js.consumer_info("REGISTRY", "loan-on-registry")
        return info.delivered is not None and info.delivered.stream_seq == revoked.position

    await until(handed_over)
    assert (await nanxun.shows(line)).tier is Tier.CRAFTSMAN
    await blocker.execute("commit")
    await nanxun.until_line(line, lambda shown: shown.tier is Tier.MEMBER)
    await blocker.close()


async def test_a_title_revoked_between_the_bank_s_decision_and_the_line_that_follows_is_not_missed(
    nanxun: County,
) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    application, line = await nanxun.endorsed(worker, "300000"), LineId(new_id())
    blocker = await asyncpg.connect(nanxun.database_url)
    await blocker.execute("begin; lock table loan.events in share mode")  # nothing is appended now
    deciding = asyncio.create_task(nanxun.does(BANK, accepting(application, "300000", BENCHMARK, line)))

    async def decided() -> bool:
        waiting = "select from pg_locks where relation = 'loan.events'::regclass and not granted"
        return bool(await blocker.fetchval(f"select exists ({waiting})"))

    await until(decided)
    await heard(nanxun, revoke(worker))
    await blocker.execute("commit")
    await deciding
    lowered = await nanxun.until_line(line, lambda shown: shown.tier is Tier.MEMBER)
    assert (lowered.limit, lowered.ceiling) == (fen(300_000), fen(100_000))
    await blocker.close()


async def test_two_instances_take_commands_and_react_as_one(nanxun: County) -> None:
    worker = await nanxun.worker(titles=["浙江工匠"])
    async with nanxun.another_loan() as second:
        line = await nanxun.line(worker, "300000", BENCHMARK)
        for _ in range(10):
            await nanxun.draws(worker, line, "1000")
        await heard(nanxun, revoke(worker))
        shown = await nanxun.until_line(line, lambda shown: shown.ceiling == fen(100_000))
        assert shown.used == fen(10_000)
        await nanxun.stop_loan()
        nanxun.loan = second
        await until(lambda: {"relay", "views", "timers"} <= second.leadership.leads)
        await nanxun.draws(worker, line, "1000", 36)
        assert (await nanxun.shows(line)).used == fen(11_000)
        await nanxun.set_day(date(2020, 7, 2), hour=0)
        await nanxun.until_line(line, lambda shown: shown.overdue_since == date(2020, 7, 1))


async def test_a_restart_in_the_middle_of_draws_loses_and_doubles_nothing(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    for _ in range(5):
        await nanxun.draws(worker, line, "1000")
    await nanxun.stop_loan()
    await nanxun.start_loan()
    shown = await nanxun.shows(line)
    assert (shown.used, len(shown.draws)) == (fen(5_000), 5)
    published = await nanxun.loan.store.head()
    await until(lambda: nanxun.loan.relay.published == published)
    info = await nanxun.registry.connection.jetstream().stream_info("LOAN")
    assert info.state.last_seq == info.state.messages == published
