"""An application, from its filing to the bank's answer: who may do what, and what the rules allow."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services.loan.domain.desk import LoanEvent
from shared.schemas.ids import UnionId
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationCommand,
    ApplicationEnded,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationNoted,
    ApplicationReassessed,
    ApplicationRecommended,
    ApplicationRejected,
    ApplicationWithdrawn,
    CapReserved,
    DeclineLoan,
    EndorsementWithdrawn,
    Ground,
    LapseApplication,
    LineOpened,
    LoanAccepted,
    LoanDeclined,
    LoanEndorsed,
    RejectApplication,
    Stage,
    Tier,
    WithdrawApplication,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.loan.cases import (
    APPLICATION,
    AT_HOME,
    BANK,
    CABLE_WORKS,
    CADRE,
    CHEN,
    CRAFTSMAN,
    ELSEWHERE,
    ENDORSE,
    JULY,
    LI,
    LINE,
    OFFICER,
    PACESETTER,
    RECOMMEND,
    TIMER,
    WANG,
    accept,
    apply,
    borrower,
    loan,
    member,
    named,
    noon,
    of,
    of_households,
    opened,
    played,
    title,
)

FILED = played((apply(), of(LI), JULY))
RECOMMENDED = played((RECOMMEND, CADRE, JULY), after=FILED)
ENDORSED = played((ENDORSE, OFFICER, JULY), after=RECOMMENDED)
ACCEPTED = opened()

REJECT = RejectApplication(application_id=APPLICATION, ground=Ground.DOCUMENTS)
WITHDRAW = WithdrawApplication(application_id=APPLICATION)
DECLINE = DeclineLoan(application_id=APPLICATION, ground=Ground.CREDIT_RECORD)
ENDED = ApplicationEnded(household_id=AT_HOME, member_id=LI, application_id=APPLICATION)


def lapse(stage: Stage) -> LapseApplication:
    return LapseApplication(application_id=APPLICATION, stage=stage)


# Filing


def test_the_cable_worker_asks_for_100_000_for_renovation_at_the_member_tier() -> None:
    filed, noted = loan.given().when(apply()).events
    assert isinstance(filed, ApplicationFiled)
    assert (filed.tier, filed.cap, filed.assessed) == (Tier.MEMBER, fen(100_000), fen(100_000))
    assert (filed.member_id, filed.union_id, filed.household_id, filed.bank) == (LI, CABLE_WORKS, AT_HOME, "nxbank")
    assert noted == ApplicationNoted(household_id=AT_HOME, member_id=LI, application_id=APPLICATION)


def test_an_application_tells_the_rate_and_where_it_comes_from() -> None:
    filed = loan.given().when(apply()).events[0]
    assert isinstance(filed, ApplicationFiled)
    assert filed.rate.annual_percent == Decimal("6.7925")
    assert (filed.rate.table, filed.rate.table_version, filed.rate.factor) == ("nxbank_own", "demo-1", Decimal("1.10"))
    assert filed.rate.words == "会员贷：南浔银行同档次利率6.175%×1.1，即6.7925%"


def test_an_application_carries_a_finding_for_each_of_the_four_inputs() -> None:
    filed = loan.given().when(apply()).events[0]
    assert isinstance(filed, ApplicationFiled)
    assert len({finding.input for finding in filed.findings.clear}) == 4


def test_the_union_has_seven_days_to_recommend_the_last_one_whole() -> None:
    filed = loan.given().when(apply()).events[0]
    assert isinstance(filed, ApplicationFiled)
    # the end of 8 July in China
    assert filed.recommend_by == datetime(2019, 7, 8, 16, tzinfo=UTC)


def test_a_pacesetter_may_ask_for_200_000_and_a_craftsman_for_300_000() -> None:
    pacesetter = loan.given().when(apply("200000"), member=PACESETTER).events[0]
    craftsman = loan.given().when(apply("300000"), member=CRAFTSMAN).events[0]
    assert isinstance(pacesetter, ApplicationFiled)
    assert isinstance(craftsman, ApplicationFiled)
    assert (pacesetter.tier, craftsman.tier) == (Tier.HONOURED_MEMBER, Tier.CRAFTSMAN)
    assert craftsman.rate.annual_percent == Decimal("4.75")


def test_a_limit_is_assessed_below_what_is_asked_where_an_input_allows_less() -> None:
    filed = loan.given().when(apply(standing="fair")).events[0]
    assert isinstance(filed, ApplicationFiled)
    assert (filed.amount, filed.assessed) == (fen(100_000), fen(60_000))


def test_a_household_shares_one_cap_already_when_its_members_apply() -> None:
    at_home = loan.given(*of_households(opened()))
    wang = {"actor": of(WANG), "member": member(WANG)}
    at_home.when(apply("1", member_id=WANG), **wang).refused("household_cap", "匠心贷 第3条")


@pytest.mark.parametrize(
    ("command", "facts", "code", "clause"),
    [
        (apply(member_id=WANG), {}, "not_yours", "匠心贷 第1条"),
        (apply(), {"member": None}, "not_a_member", "匠心贷 第1条"),
        (apply(), {"member": member(skilled=False)}, "not_eligible", "匠心贷 第1条"),
        (
            apply(),
            {"member": member(skilled=False, titles=title("南浔工匠", until=JULY - timedelta(days=1)))},
            "not_eligible",
            "匠心贷 第1条",
        ),
        (
            apply(),
            {"member": member(skilled=False, titles=title("南浔工匠", revoked_on=JULY))},
            "not_eligible",
            "匠心贷 第1条",
        ),
        (apply(), {"member": member(shares_with=frozenset({"otherbank"}))}, "no_consent", "个人信息保护法 第23条"),
        (apply("100000.01"), {}, "above_tier_cap", "匠心贷 第3条"),
        (apply("200000.01"), {"member": PACESETTER}, "above_tier_cap", "匠心贷 第3条"),
        (apply(standing="poor"), {}, "nothing_assessed", "匠心贷 第3条"),
        (apply(standing="stellar"), {}, "unknown_standing", "匠心贷 第3条"),
        (apply(purpose="yacht"), {}, "unknown_purpose", "匠心贷 第2条"),
        (apply(), {"federation": "330783"}, "no_policy", "匠心贷 第1条"),
    ],
)
def test_an_application_is_refused_by_the_clause_it_breaks(
    command: ApplicationCommand, facts: dict[str, object], code: str, clause: str
) -> None:
    loan.given().when(command, **facts).refused(code, clause)


def test_a_title_counts_from_its_first_day_to_the_end_of_its_last() -> None:
    for_a_day = title("南浔工匠", since=JULY, until=JULY)
    outcome = loan.given().when(apply("300000"), member=member(titles=for_a_day))
    assert outcome.refusal is None


def test_an_id_names_one_application() -> None:
    loan.given(*FILED).when(apply()).refused("application_exists")


def test_nobody_has_two_applications_under_way() -> None:
    loan.given(*of_households(FILED)).when(apply()).refused("application_under_way")


def test_nobody_who_has_a_line_applies_for_another() -> None:
    loan.given(*of_households(ACCEPTED)).when(apply("1")).refused("line_exists")


def test_who_was_declined_may_apply_again() -> None:
    declined = played((DECLINE, BANK, JULY), after=ENDORSED)
    assert loan.given(*of_households(declined)).when(apply()).refusal is None


# Recommendation and endorsement


def test_a_cadre_of_the_members_union_recommends() -> None:
    loan.given(*FILED).when(RECOMMEND, actor=CADRE).then(
        ApplicationRecommended(
            application_id=APPLICATION,
            member_id=LI,
            by=str(WANG),
            endorse_by=datetime(2019, 7, 8, 16, tzinfo=UTC),
        )
    )


def test_a_cadre_of_another_union_does_not_recommend() -> None:
    other = frozenset({UnionId(named("别的工会"))})
    loan.given(*FILED).when(RECOMMEND, actor=CADRE, acts_for=other).refused("not_your_union", "匠心贷 第6条")


def test_nobody_recommends_their_own_application() -> None:
    own = Actor(role=Role.CADRE, id=str(LI))
    loan.given(*FILED).when(RECOMMEND, actor=own).refused("own_application", "匠心贷 第6条（四眼原则）")


def test_the_federation_endorses_and_the_bank_is_told() -> None:
    _, endorsed = loan.given(*RECOMMENDED).when(ENDORSE, actor=OFFICER).events
    assert isinstance(endorsed, LoanEndorsed)
    assert (endorsed.bank, endorsed.by) == ("nxbank", str(CHEN))
    assert type(endorsed).addressed_to == "bank"
    assert (endorsed.tier, endorsed.amount, endorsed.assessed) == (Tier.MEMBER, fen(100_000), fen(100_000))
    assert endorsed.answer_by == datetime(2019, 7, 11, 16, tzinfo=UTC)


def test_an_endorsement_assesses_by_the_titles_of_its_own_day() -> None:
    craftsman = played((apply("300000"), of(LI), JULY), (RECOMMEND, CADRE, JULY), borrower=CRAFTSMAN)
    _, endorsed = loan.given(*craftsman).when(ENDORSE, actor=OFFICER, member=member()).events
    assert isinstance(endorsed, LoanEndorsed)
    assert (endorsed.tier, endorsed.cap, endorsed.assessed) == (Tier.MEMBER, fen(100_000), fen(100_000))


def test_an_endorsement_assesses_by_the_means_told_when_filing_and_keeps_its_reasons_from_the_bank() -> None:
    poorer = borrower(standing="fair")
    reassessed, endorsed = loan.given(*RECOMMENDED).when(ENDORSE, actor=OFFICER, means=poorer).events
    assert isinstance(reassessed, ApplicationReassessed)
    assert isinstance(endorsed, LoanEndorsed)
    assert endorsed.assessed == min(finding.allows for finding in reassessed.findings.clear) == fen(60_000)
    assert (reassessed.addressed_to, endorsed.addressed_to) == (None, "bank")
    assert not endorsed.personal_fields


def test_nothing_is_endorsed_once_the_means_are_erased() -> None:
    refused = loan.given(*RECOMMENDED).when(ENDORSE, actor=OFFICER, means=None, member=None)
    refused.refused("means_erased", "个人信息保护法 第47条")


def test_nobody_endorses_their_own_application() -> None:
    own = Actor(role=Role.OFFICER, id=str(LI))
    loan.given(*RECOMMENDED).when(ENDORSE, actor=own).refused("own_application")


def test_whoever_recommended_does_not_endorse() -> None:
    same = Actor(role=Role.OFFICER, id=str(WANG))
    loan.given(*RECOMMENDED).when(ENDORSE, actor=same).refused("same_person_twice", "匠心贷 第6条（四眼原则）")


def test_nothing_goes_to_the_bank_once_consent_is_withdrawn() -> None:
    silent = member(shares_with=frozenset())
    loan.given(*RECOMMENDED).when(ENDORSE, actor=OFFICER, member=silent).refused("no_consent")


def test_whoever_is_eligible_no_longer_is_not_endorsed() -> None:
    unskilled = member(skilled=False)
    loan.given(*RECOMMENDED).when(ENDORSE, actor=OFFICER, member=unskilled).refused("not_eligible")


@pytest.mark.parametrize(
    ("history", "actor", "stage"),
    [(FILED, CADRE, Stage.RECOMMENDATION), (RECOMMENDED, OFFICER, Stage.ENDORSEMENT)],
)
def test_union_and_federation_each_turn_down_at_their_own_stage(
    history: tuple[LoanEvent, ...], actor: Actor, stage: Stage
) -> None:
    rejected = ApplicationRejected(
        application_id=APPLICATION, member_id=LI, stage=stage, ground=Ground.DOCUMENTS, by=actor.id
    )
    loan.given(*history).when(REJECT, actor=actor).then(rejected, ENDED)


@pytest.mark.parametrize(("history", "actor"), [(FILED, OFFICER), (RECOMMENDED, CADRE), (ENDORSED, OFFICER)])
def test_nobody_turns_down_at_anothers_stage(history: tuple[LoanEvent, ...], actor: Actor) -> None:
    loan.given(*history).when(REJECT, actor=actor).refused("not_at_this_stage")


def test_nobody_turns_down_their_own_application() -> None:
    loan.given(*FILED).when(REJECT, actor=Actor(role=Role.CADRE, id=str(LI))).refused("own_application")


def test_a_cadre_of_another_union_does_not_turn_down() -> None:
    loan.given(*FILED).when(REJECT, actor=CADRE, acts_for=frozenset()).refused("not_your_union")


# Withdrawal and lapse


def test_a_member_takes_back_an_application_that_the_union_has() -> None:
    withdrawn = ApplicationWithdrawn(application_id=APPLICATION, member_id=LI, stage=Stage.RECOMMENDATION)
    loan.given(*FILED).when(WITHDRAW).then(withdrawn, ENDED)


def test_the_bank_is_told_of_an_application_taken_back_from_it() -> None:
    withdrawn = ApplicationWithdrawn(application_id=APPLICATION, member_id=LI, stage=Stage.BANK_ANSWER)
    told = EndorsementWithdrawn(application_id=APPLICATION, bank="nxbank", member_id=LI)
    loan.given(*ENDORSED).when(WITHDRAW).then(withdrawn, told, ENDED)


def test_nobody_takes_back_anothers_application() -> None:
    loan.given(*FILED).when(WITHDRAW, actor=of(WANG)).refused("not_yours")


@pytest.mark.parametrize(
    ("history", "stage", "last_day"),
    [
        (FILED, Stage.RECOMMENDATION, date(2019, 7, 8)),
        (RECOMMENDED, Stage.ENDORSEMENT, date(2019, 7, 8)),
        (ENDORSED, Stage.BANK_ANSWER, date(2019, 7, 11)),
    ],
)
def test_a_step_not_taken_in_time_lapses_the_application(
    history: tuple[LoanEvent, ...], stage: Stage, last_day: date
) -> None:
    loan.given(*history).when(lapse(stage), actor=TIMER, now=noon(last_day)).nothing()
    lapsed = ApplicationLapsed(application_id=APPLICATION, member_id=LI, stage=stage)
    told = EndorsementWithdrawn(application_id=APPLICATION, bank="nxbank", member_id=LI)
    between = [told] if stage is Stage.BANK_ANSWER else []
    over = noon(last_day + timedelta(days=1))
    loan.given(*history).when(lapse(stage), actor=TIMER, now=over).then(lapsed, *between, ENDED)


@pytest.mark.parametrize("history", [(), RECOMMENDED, ENDORSED, ACCEPTED])
def test_a_lapse_that_comes_too_late_changes_nothing(history: tuple[LoanEvent, ...]) -> None:
    later = noon(JULY + timedelta(days=90))
    loan.given(*history).when(lapse(Stage.RECOMMENDATION), actor=TIMER, now=later).nothing()


def test_a_step_may_be_taken_until_its_lapse_is_recorded() -> None:
    late = noon(JULY + timedelta(days=30))
    assert loan.given(*FILED).when(RECOMMEND, actor=CADRE, now=late).refusal is None


# The bank's answer


def test_the_bank_accepts_and_the_line_opens_in_one_commit_with_the_households_cap() -> None:
    accepted, line, ended, reserved = loan.given(*ENDORSED).when(accept("80000", 24, "6.5"), actor=BANK).events
    assert accepted == LoanAccepted(
        application_id=APPLICATION,
        member_id=LI,
        bank="nxbank",
        line_id=LINE,
        limit=fen(80_000),
        months=24,
        annual_percent=Decimal("6.5"),
    )
    assert isinstance(line, LineOpened)
    assert (line.limit, line.tier, line.annual_percent) == (fen(80_000), Tier.MEMBER, Decimal("6.5"))
    assert (line.opened_on, line.expires_on) == (JULY, date(2021, 7, 1))
    assert ended == ENDED
    assert reserved == CapReserved(
        household_id=AT_HOME, line_id=LINE, member_id=LI, cap=fen(100_000), amount=fen(80_000)
    )


def test_a_line_counts_in_the_household_that_the_member_is_of_by_then() -> None:
    events = loan.given(*ENDORSED).when(accept(), actor=BANK, member=member(household_id=ELSEWHERE)).events
    households = {event.household_id for event in events if isinstance(event, CapReserved)}
    assert households == {ELSEWHERE}
    assert ENDED in events


@pytest.mark.parametrize(
    ("command", "code", "clause"),
    [
        (accept("100000.01"), "above_tier_cap", "匠心贷 第3条"),
        (accept(rate="6.792501"), "above_tier_rate", "匠心贷 第4条"),
        (accept(months=12, rate="6.7925"), "above_tier_rate", "匠心贷 第4条"),
        (accept(months=37), "line_term_not_offered", "匠心贷 第5条"),
    ],
)
def test_an_acceptance_beyond_the_rules_is_refused(command: AcceptLoan, code: str, clause: str) -> None:
    loan.given(*ENDORSED).when(command, actor=BANK).refused(code, clause)


def test_a_line_is_granted_for_a_month_at_least() -> None:
    loan.given(*ENDORSED).when(accept(months=1, rate="6.220501"), actor=BANK).refused("above_tier_rate")
    assert loan.given(*ENDORSED).when(accept(months=1, rate="6.2205"), actor=BANK).refusal is None


def test_the_bank_grants_no_more_than_was_assessed_nor_than_was_asked() -> None:
    assessed = played((apply(standing="fair"), of(LI), JULY), (RECOMMEND, CADRE, JULY), (ENDORSE, OFFICER, JULY))
    loan.given(*assessed).when(accept("60000.01"), actor=BANK).refused("above_assessed")
    asked = played((apply("30000"), of(LI), JULY), (RECOMMEND, CADRE, JULY), (ENDORSE, OFFICER, JULY))
    loan.given(*asked).when(accept("30000.01"), actor=BANK).refused("above_assessed")


def test_a_title_lost_before_the_answer_lowers_what_the_bank_may_grant() -> None:
    craftsman = played(
        (apply("300000"), of(LI), JULY),
        (RECOMMEND, CADRE, JULY),
        (ENDORSE, OFFICER, JULY),
        borrower=CRAFTSMAN,
    )
    loan.given(*craftsman).when(accept("300000", rate="4.75"), actor=BANK).refused("above_tier_cap")
    assert loan.given(*craftsman).when(accept("100000", rate="4.75"), actor=BANK).refusal is None


def test_another_bank_neither_accepts_nor_declines() -> None:
    other = Actor(role=Role.BANK, id="otherbank")
    loan.given(*ENDORSED).when(accept(), actor=other).refused("not_your_bank")
    loan.given(*ENDORSED).when(DECLINE, actor=other).refused("not_your_bank")


def test_the_bank_declines_with_its_ground() -> None:
    declined = LoanDeclined(application_id=APPLICATION, member_id=LI, bank="nxbank", ground=Ground.CREDIT_RECORD)
    loan.given(*ENDORSED).when(DECLINE, actor=BANK).then(declined, ENDED)


def test_an_id_names_one_line() -> None:
    line = [event for event in ACCEPTED if isinstance(event, LineOpened)]
    loan.given(*ENDORSED, *line).when(accept(), actor=BANK).refused("line_id_used")


# Out of turn


@pytest.mark.parametrize("command", [RECOMMEND, ENDORSE, REJECT, WITHDRAW, accept(), DECLINE])
def test_what_was_never_filed_goes_nowhere(command: ApplicationCommand) -> None:
    loan.given().when(command).refused("unknown_application")


@pytest.mark.parametrize(
    ("history", "command", "actor"),
    [
        (RECOMMENDED, RECOMMEND, CADRE),
        (ENDORSED, RECOMMEND, CADRE),
        (FILED, ENDORSE, OFFICER),
        (ENDORSED, ENDORSE, OFFICER),
        (FILED, accept(), BANK),
        (RECOMMENDED, accept(), BANK),
        (RECOMMENDED, DECLINE, BANK),
        (ACCEPTED, WITHDRAW, of(LI)),
        (ACCEPTED, accept(), BANK),
        (ACCEPTED, DECLINE, BANK),
    ],
)
def test_no_step_is_taken_out_of_turn(
    history: tuple[LoanEvent, ...], command: ApplicationCommand, actor: Actor
) -> None:
    loan.given(*history).when(command, actor=actor).refused("not_at_this_stage", "匠心贷 第6条")


def test_words_for_people_name_the_stage() -> None:
    refusal = loan.given(*FILED).when(ENDORSE, actor=OFFICER).refused("not_at_this_stage")
    assert refusal.message == "申请目前待基层工会推荐，不能办理这一步"


def test_facts_decide_not_the_clock_of_the_machine() -> None:
    later = replace(loan.facts, now=noon(date(2019, 9, 2)))
    filed = replace(loan, facts=later).given().when(apply()).events[0]
    assert isinstance(filed, ApplicationFiled)
    assert filed.rate.on == date(2019, 9, 2)
