"""The loan as its users meet it: who may do and see what, lists, accounts, rates. Whole services on real servers."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.people import Cadres
from shared.runtime.envelope import Envelope
from shared.schemas.ids import HouseholdId, MemberId, UnionId, new_id
from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationStatus,
    ArrearsBand,
    BankWorkAnswer,
    CadreListAnswer,
    ChangeLimit,
    DeclineLoan,
    DisburseDraw,
    DrawStatus,
    EndorseApplication,
    ExposureAnswer,
    FindApplications,
    FindLines,
    FreezeLine,
    Ground,
    LineStatus,
    LineSummary,
    PublishRates,
    QuoteRate,
    RateAnswer,
    RateBand,
    RecommendApplication,
    RefuseDrawdown,
    RejectApplication,
    RepaymentForm,
    ReverseRepayment,
    ShowApplication,
    ShowBankWork,
    ShowCadreList,
    ShowExposure,
    ShowLine,
    ShowStatement,
    StatementAnswer,
    StatementKind,
    Tier,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from shared.schemas.registry import AppointUnionContact, RelieveUnionContact, UnionPost
from tests.services.loan.county import (
    BANK,
    BENCHMARK,
    JULY,
    MEMBER_RATE,
    OFFICER,
    OPERATOR,
    County,
    Worker,
    accepting,
    application_of,
)

ANOTHER_BANK = Actor(role=Role.BANK, id="hzbank")
STRANGER = Actor(role=Role.CADRE, id=str(new_id()))


# Four eyes, and whose turn it is


async def test_nobody_recommends_or_endorses_their_own_application(nanxun: County) -> None:
    worker = await nanxun.worker()
    appointed = await nanxun.does(
        OFFICER, AppointUnionContact(union_id=nanxun.union_id, member_id=worker.member_id, post=UnionPost.CADRE)
    )
    await nanxun.known(appointed)
    application = await nanxun.applies(worker)
    recommend, endorse = (
        RecommendApplication(application_id=application),
        EndorseApplication(application_id=application),
    )
    own = await nanxun.refusal(Actor(role=Role.CADRE, id=str(worker.member_id)), recommend)
    assert (own.code, own.clause) == ("own_application", "匠心贷 第6条（四眼原则）")
    await nanxun.does(nanxun.cadre, recommend)
    twice = await nanxun.refusal(Actor(role=Role.OFFICER, id=nanxun.cadre.id), endorse)
    assert twice.code == "same_person_twice"
    assert await nanxun.tries(OFFICER, endorse) == "done"


async def test_only_a_cadre_in_office_at_the_worker_s_union_recommends(nanxun: County) -> None:
    application = await nanxun.applies(await nanxun.worker())
    recommend = RecommendApplication(application_id=application)
    assert await nanxun.tries(STRANGER, recommend) == "not_your_union"
    assert await nanxun.tries(Actor(role=Role.CADRE, id="nobody"), recommend) == "not_your_union"
    left = await nanxun.does(
        OFFICER, RelieveUnionContact(union_id=nanxun.union_id, member_id=MemberId(UUID(nanxun.cadre.id)))
    )
    await nanxun.loan.read_models.followed("registry", left.position, Cadres)
    assert await nanxun.tries(nanxun.cadre, recommend) == "not_your_union"


async def test_a_step_is_taken_by_those_whose_it_is_and_in_its_order(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.applies(worker)
    accept = accepting(application, "100000", MEMBER_RATE)
    assert await nanxun.tries(OFFICER, EndorseApplication(application_id=application)) == "not_at_this_stage"
    assert await nanxun.tries(BANK, accept) == "not_at_this_stage"
    assert await nanxun.tries(worker.actor, RecommendApplication(application_id=application)) == "not_allowed"
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    await nanxun.does(OFFICER, EndorseApplication(application_id=application))
    assert await nanxun.tries(ANOTHER_BANK, accept) == "not_your_bank"
    assert await nanxun.tries(BANK, accepting(application, "100000.01", MEMBER_RATE)) == "above_tier_cap"
    assert await nanxun.tries(BANK, accepting(application, "100000", Decimal("6.8"))) == "above_tier_rate"
    assert await nanxun.tries(BANK, accept) == "done"
    assert await nanxun.tries(BANK, DeclineLoan(application_id=application, ground=Ground.OTHER)) == "not_at_this_stage"


async def test_without_consent_nothing_is_filed_for_the_bank(nanxun: County) -> None:
    worker = await nanxun.worker(consent=False)
    refusal = await nanxun.refusal(worker.actor, application_of(worker, "50000"))
    assert (refusal.code, refusal.clause) == ("no_consent", "个人信息保护法 第23条")


async def test_a_member_files_and_draws_for_themselves_alone(nanxun: County) -> None:
    worker, other = await nanxun.worker(), await nanxun.worker()
    assert await nanxun.tries(other.actor, application_of(worker, "50000")) == "not_yours"
    line = await nanxun.line(worker)
    assert await nanxun.tries(other.actor, nanxun.request(line, "1000")) == "not_yours"


async def test_a_stranger_to_the_registry_is_no_member(nanxun: County) -> None:
    nobody = Worker(MemberId(new_id()), HouseholdId(new_id()))
    assert await nanxun.tries(nobody.actor, application_of(nobody, "50000")) == "not_a_member"


async def test_nothing_of_one_federation_is_reached_from_another(nanxun: County) -> None:
    worker = await nanxun.worker()
    line, application = await nanxun.line(worker), await nanxun.applies(await nanxun.worker())
    nanxun.federation = "330281"
    for actor, message, code in (
        (worker.actor, nanxun.request(line, "1000"), "unknown_line"),
        (BANK, ChangeLimit(line_id=line, limit=fen(1)), "unknown_line"),
        (OFFICER, FreezeLine(line_id=line, ground=Ground.OTHER), "unknown_line"),
        (nanxun.cadre, RecommendApplication(application_id=application), "unknown_application"),
        (OFFICER, RejectApplication(application_id=application, ground=Ground.OTHER), "unknown_application"),
        (worker.actor, application_of(worker, "1000"), "not_a_member"),
        (OFFICER, ShowLine(line_id=line), "unknown_line"),
        (OFFICER, ShowStatement(line_id=line), "unknown_line"),
        (OFFICER, ShowApplication(application_id=application), "unknown_application"),
    ):
        assert (await nanxun.refusal(actor, message)).code == code
    for query in (FindLines(member_id=worker.member_id), FindApplications(member_id=worker.member_id)):
        assert await nanxun.asks(OFFICER, query) == ()
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert (work.to_decide, work.to_disburse) == ((), ())
    exposure: ExposureAnswer = await nanxun.asks(OFFICER, ShowExposure())
    assert exposure.lines == 0


# Who sees what


async def test_a_line_is_shown_to_those_it_concerns_and_to_nobody_else(nanxun: County) -> None:
    worker, other = await nanxun.worker(), await nanxun.worker()
    line = await nanxun.line(worker)
    for message in (ShowLine(line_id=line), ShowStatement(line_id=line)):
        for actor in (worker.actor, nanxun.cadre, OFFICER, OPERATOR, BANK):
            assert (await nanxun.asks(actor, message)).line_id == line
        for actor in (other.actor, STRANGER, ANOTHER_BANK):
            assert (await nanxun.refusal(actor, message)).code == "not_concerned"
    lines = FindLines(member_id=worker.member_id)
    assert (await nanxun.refusal(other.actor, lines)).code == "not_concerned"
    for actor, count in ((worker.actor, 1), (nanxun.cadre, 1), (BANK, 1), (STRANGER, 0), (ANOTHER_BANK, 0)):
        assert len(await nanxun.asks(actor, lines)) == count


async def test_the_bank_sees_an_application_once_it_was_sent_there(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.applies(worker)
    show, find = ShowApplication(application_id=application), FindApplications(member_id=worker.member_id)
    for actor in (worker.actor, nanxun.cadre, OFFICER):
        assert (await nanxun.asks(actor, show, after=nanxun.last.position)).status is ApplicationStatus.FILED
    assert (await nanxun.refusal(BANK, show)).code == "not_concerned"
    assert await nanxun.asks(BANK, find) == ()
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    await nanxun.does(OFFICER, EndorseApplication(application_id=application))
    assert (await nanxun.asks(BANK, show, after=nanxun.last.position)).status is ApplicationStatus.ENDORSED
    assert len(await nanxun.asks(BANK, find)) == 1
    assert (await nanxun.refusal(ANOTHER_BANK, show)).code == "not_concerned"


async def test_an_application_shows_its_assessment_with_four_reasons(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.applies(worker, "60000", monthly_income=fen(5_000), monthly_obligations=fen(1_000))
    shown: ApplicationAnswer = await nanxun.asks(
        worker.actor, ShowApplication(application_id=application), after=nanxun.last.position
    )
    assert (shown.amount, shown.assessed, shown.cap) == (fen(60_000), fen(54_000), fen(100_000))
    assert shown.findings is not None
    assert {finding.input.value: finding.allows for finding in shown.findings.clear} == {
        "credit_standing": fen(100_000),
        "purpose": fen(400_000),
        "ability_to_repay": fen(54_000),  # (5,000 × 50 % − 1,000) × 36
        "production_cycle": fen(54_000),
    }
    assert all(finding.words for finding in shown.findings.clear)


# Lists


async def test_a_cadre_s_list_has_what_waits_what_is_under_way_and_the_lines_of_the_union(nanxun: County) -> None:
    first, second, third = [await nanxun.worker() for _ in range(3)]
    await nanxun.does(first.actor, nanxun.close(await nanxun.line(first, "5000")))
    filed = await nanxun.applies(first, "10000")
    sent = await nanxun.endorsed(second, "20000")
    line = await nanxun.line(third, "30000")
    query = ShowCadreList(union_id=nanxun.union_id)
    listed: CadreListAnswer = await nanxun.asks(nanxun.cadre, query, after=nanxun.last.position)
    assert [application.application_id for application in listed.to_recommend] == [filed]
    assert [application.application_id for application in listed.under_way] == [sent]
    assert [(row.line_id, row.limit, row.available) for row in listed.lines] == [(line, fen(30_000), fen(30_000))]
    assert (await nanxun.refusal(STRANGER, query)).code == "not_your_union"
    assert (await nanxun.asks(OFFICER, query)).lines == listed.lines
    nothing = await nanxun.asks(OFFICER, ShowCadreList(union_id=UnionId(new_id())))
    assert (nothing.to_recommend, nothing.under_way, nothing.lines) == ((), (), ())


async def test_the_bank_s_work_is_what_waits_for_it_the_most_urgent_first(nanxun: County) -> None:
    first, second, third = [await nanxun.worker() for _ in range(3)]
    line = await nanxun.line(first, "50000")
    early = await nanxun.endorsed(second, "20000")
    urgent = await nanxun.requests(first, line, "5000", 6, RepaymentForm.EQUAL_PRINCIPAL)
    await nanxun.set_day(nanxun.days_on(1))
    late = await nanxun.endorsed(third, "30000")
    later = await nanxun.requests(first, line, "6000")
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"), after=nanxun.last.position)
    assert [waiting.application_id for waiting in work.to_decide] == [early, late]
    assert [waiting.draw_id for waiting in work.to_disburse] == [urgent, later]
    pending = work.to_disburse[0]
    assert (pending.amount, pending.months, pending.form) == (fen(5_000), 6, RepaymentForm.EQUAL_PRINCIPAL)
    assert pending.annual_percent == Decimal("6.2205")
    assert (await nanxun.refusal(ANOTHER_BANK, ShowBankWork(bank="nxbank"))).code == "not_your_bank"
    await nanxun.does(BANK, DisburseDraw(line_id=line, draw_id=urgent))
    refused = RefuseDrawdown(line_id=line, draw_id=later, ground=Ground.PURPOSE)
    await nanxun.does(BANK, refused)
    work = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"), after=nanxun.last.position)
    assert work.to_disburse == ()
    statuses = {draw.draw_id: draw.status for draw in (await nanxun.shows(line)).draws}
    assert statuses == {urgent: DrawStatus.DISBURSED, later: DrawStatus.REFUSED}


async def test_the_federation_s_exposure_is_by_tier_and_arrears(nanxun: County) -> None:
    worker, craftsman, closed = (
        await nanxun.worker(),
        await nanxun.worker(titles=["浙江工匠"]),
        await nanxun.worker(),
    )
    lines = [
        await nanxun.line(worker, "50000"),
        await nanxun.line(craftsman, "200000", BENCHMARK),
        await nanxun.line(closed, "10000"),
    ]
    await nanxun.draws(worker, lines[0], "12000", 12, RepaymentForm.EQUAL_PRINCIPAL)
    await nanxun.draws(craftsman, lines[1], "90000", 36)
    await nanxun.requests(craftsman, lines[1], "1000")
    await nanxun.does(closed.actor, nanxun.close(lines[2]))
    await nanxun.set_day(date(2019, 8, 2), hour=1)
    await nanxun.until_line(lines[0], lambda line: line.overdue_since is not None)
    answer: ExposureAnswer = await nanxun.asks(OFFICER, ShowExposure(), after=await nanxun.loan.store.head())
    late, current = answer.rows
    interest = fen("64.28")  # 12,000 × 6.2205 % × 31 / 360
    assert (late.tier, late.arrears, late.lines) == (Tier.MEMBER, ArrearsBand.UP_TO_30, 1)
    assert (late.limit, late.used, late.pending, late.overdue) == (fen(50_000), fen(12_000), 0, fen(1_000) + interest)
    assert (current.tier, current.arrears, current.lines) == (Tier.CRAFTSMAN, ArrearsBand.CURRENT, 1)
    assert (current.limit, current.used) == (fen(200_000), fen(90_000))
    assert (answer.on, answer.lines, answer.limit) == (date(2019, 8, 2), 2, fen(250_000))
    assert (answer.used, answer.overdue) == (fen(102_000), fen(1_000) + interest)
    assert (await nanxun.refusal(worker.actor, ShowExposure())).code == "not_allowed"


async def test_a_member_s_lines_are_listed_newest_first(nanxun: County) -> None:
    worker = await nanxun.worker()
    old = await nanxun.line(worker, "10000")
    await nanxun.does(worker.actor, nanxun.close(old))
    new = await nanxun.line(worker, "20000")
    found: tuple[LineSummary, ...] = await nanxun.asks(
        worker.actor, FindLines(member_id=worker.member_id), after=nanxun.last.position
    )
    assert [(row.line_id, row.status, row.available) for row in found] == [
        (new, LineStatus.OPEN, fen(20_000)),
        (old, LineStatus.CLOSED, 0),
    ]
    applications: tuple[ApplicationAnswer, ...] = await nanxun.asks(
        worker.actor, FindApplications(member_id=worker.member_id)
    )
    assert [application.line_id for application in applications] == [new, old]


# A line and its account


async def test_a_line_says_what_a_draw_would_cost_today_and_why_or_nothing_where_none_may_be_made(
    nanxun: County,
) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, "50000", Decimal("6.5"))
    rate = (await nanxun.shows(line)).rate
    assert rate is not None
    assert (rate.annual_percent, rate.months, rate.granted_percent) == (Decimal("6.5"), 36, Decimal("6.5"))
    assert "银行核定额度年利率6.5%" in rate.words
    await nanxun.does(OFFICER, FreezeLine(line_id=line, ground=Ground.DISPUTE))
    frozen = await nanxun.shows(line)
    assert (frozen.status, frozen.available, frozen.rate) == (LineStatus.FROZEN, 0, None)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1")) == "line_frozen"


async def test_a_reversed_repayment_leaves_the_account_as_if_it_had_never_come(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "60000")
    await nanxun.set_day(date(2019, 7, 11))
    bad = await nanxun.repays(line, "20000", on=date(2019, 7, 6))
    await nanxun.repays(line, "10000")
    await nanxun.does(BANK, ReverseRepayment(line_id=line, repayment_id=bad, ground=Ground.OTHER))
    shown = await nanxun.shows(line)
    interest = fen("103.68")  # 60,000 × 6.2205 % × 10 / 360: 103.675, half to even
    assert shown.used == fen(60_000) - (fen(10_000) - interest)
    assert shown.available == fen(100_000) - shown.used
    answer: StatementAnswer = await nanxun.asks(worker.actor, ShowStatement(line_id=line))
    assert [(entry.kind, entry.amount) for entry in answer.entries] == [
        (StatementKind.DISBURSEMENT, fen(60_000)),
        (StatementKind.REPAYMENT, fen(10_000)),
    ]
    assert (answer.closing, answer.interest_paid) == (shown.used, interest)
    (row,) = await nanxun.asks(OFFICER, FindLines(member_id=worker.member_id), after=nanxun.last.position)
    assert row.used == shown.used


async def test_a_statement_covers_the_days_asked_for(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "60000")
    await nanxun.set_day(date(2019, 7, 11))
    await nanxun.repays(line, "60103.68")
    july: StatementAnswer = await nanxun.asks(OFFICER, ShowStatement(line_id=line))
    assert (july.since, july.until, july.opening, july.closing, july.interest_owed) == (JULY, nanxun.today, 0, 0, 0)
    later: StatementAnswer = await nanxun.asks(OFFICER, ShowStatement(line_id=line, since=date(2019, 7, 2)))
    assert (later.opening, len(later.entries), later.principal_repaid) == (fen(60_000), 1, fen(60_000))
    first: StatementAnswer = await nanxun.asks(OFFICER, ShowStatement(line_id=line, since=date(1900, 1, 1), until=JULY))
    assert (first.since, first.closing, first.disbursed) == (JULY, fen(60_000), fen(60_000))
    backwards = ShowStatement(line_id=line, since=date(2019, 7, 2), until=JULY)
    assert (await nanxun.refusal(OFFICER, backwards)).code == "statement_days"
    await nanxun.does(worker.actor, nanxun.close(line))
    assert (await nanxun.asks(OFFICER, ShowStatement(line_id=line))).closing == 0


async def test_what_was_accepted_is_seen_by_a_query_after_it(nanxun: County) -> None:
    for _ in range(10):
        worker = await nanxun.worker()
        application = await nanxun.applies(worker, "1000")
        shown = await nanxun.asks(worker.actor, ShowApplication(application_id=application), after=nanxun.last.position)
        assert shown.status is ApplicationStatus.FILED


async def test_a_command_sent_again_under_its_id_is_carried_out_once(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    request, same = nanxun.request(line, "1000"), new_id()
    first, again = [await nanxun.does(worker.actor, request, same) for _ in range(2)]
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (first.stream, first.version) == (again.stream, again.version)
    assert (await nanxun.shows(line)).pending == fen(1_000)


async def test_replies_name_the_stream_that_the_command_is_about(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    unchanged = await nanxun.does(BANK, ChangeLimit(line_id=line, limit=fen(100_000)))
    assert (unchanged.stream, unchanged.changed) == (f"line-{line}", False)
    assert (await nanxun.does(worker.actor, nanxun.close(line))).stream == f"line-{line}"


# Rates


async def test_rates_that_a_bank_publishes_are_those_of_draws_from_their_day_on(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "1000")
    published = PublishRates(
        table="nxbank_own",
        version="2019-07",
        effective_from=date(2019, 7, 2),
        bands=(
            RateBand(up_to_months=12, annual_percent=Decimal("5.5")),
            RateBand(annual_percent=Decimal("6")),
        ),
    )
    assert await nanxun.tries(ANOTHER_BANK, published) == "not_your_rates"
    accepted = await nanxun.does(BANK, published)
    assert accepted.stream == "rates-330503"
    await nanxun.draws(worker, line, "2000")
    await nanxun.set_day(date(2019, 7, 2))
    await nanxun.draws(worker, line, "3000")
    rates = {draw.amount: draw.terms.rate.annual_percent for draw in (await nanxun.shows(line)).draws}
    assert rates == {fen(1_000): Decimal("6.2205"), fen(2_000): Decimal("6.2205"), fen(3_000): Decimal("6.05")}
    quoted: RateAnswer = await nanxun.asks(worker.actor, QuoteRate(tier=Tier.MEMBER, months=12))
    assert (quoted.rate.annual_percent, quoted.rate.table_version) == (Decimal("6.05"), "2019-07")


async def test_rates_under_which_a_title_would_cost_more_are_refused(nanxun: County) -> None:
    too_low = PublishRates(
        table="nxbank_own",
        version="odd",
        effective_from=date(2019, 8, 1),
        bands=(RateBand(annual_percent=Decimal("3.5")),),
    )
    refusal = await nanxun.refusal(BANK, too_low)
    assert (refusal.code, refusal.clause) == ("rates_not_monotone", "匠心贷 第4条")


async def test_a_term_that_is_not_offered_is_not_quoted(nanxun: County) -> None:
    assert (await nanxun.refusal(OFFICER, QuoteRate(tier=Tier.MEMBER, months=37))).code == "term_not_offered"
    nanxun.federation = "330281"
    assert (await nanxun.refusal(OFFICER, QuoteRate(tier=Tier.MEMBER, months=12))).code == "no_policy"


# Messages as they come


async def test_a_malformed_command_is_refused_by_field(nanxun: County) -> None:
    status, reply = await nanxun.client.call(
        "cmd.330503.loan.ApplyForLoan", b'{"amount": "-1"}', Envelope.fresh(OFFICER, "330503").headers()
    )
    assert status == "refused"
    assert b'"malformed"' in reply
