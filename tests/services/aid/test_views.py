"""What the read models of mutual aid show: cover and rosters, a claim's way, the hospital's side, payments, the ledger,
slots. That they agree with the streams whatever happens, `test_views_agree` holds."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from services.aid.domain.facts import end_of
from services.aid.service import CODEC
from services.aid.views import (
    VIEWS,
    AccountRow,
    Accounts,
    Batches,
    BatchRow,
    ClaimRow,
    Claims,
    EnrolmentRow,
    Enrolments,
    FundDayRow,
    FundDays,
    MembershipRow,
    Memberships,
    PaymentRow,
    Payments,
    SettlementRow,
    Settlements,
    SlotRow,
    Slots,
)
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view import View
from shared.eventsourcing.view_specification import NOON, ViewSpecification
from shared.schemas.aid import (
    BatchId,
    BookAppointment,
    CancelAppointment,
    Channel,
    ClaimStatus,
    Document,
    EndCoverage,
    EndOfCover,
    LapseEnrolment,
    LapseQuote,
    NameSuccessor,
    NotePayeeDeath,
    OpenSlot,
    Payee,
    PaymentStatus,
    RecoverOverpayment,
    RejectClaim,
    RejectionGround,
    ReopenClaim,
    ReopenGround,
    ReturnGround,
    ReversalGround,
    ReverseClaim,
    ReviewClaim,
    SettlementStatus,
    SlotId,
    SupplyDocuments,
    WithdrawClaim,
    WithdrawEnrolment,
    account_id,
    contract_id,
    membership_id,
    payment_id,
)
from shared.schemas.aid.terms import BankAccount
from shared.schemas.messages import Event
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from tests.services.aid.cases import (
    ALL_DOCUMENTS,
    AT_THE_HOSPITAL,
    CABLE,
    CADRE,
    CLERK,
    COVERED,
    DONGYANG,
    HEAD,
    HOSPITAL,
    JANUARY,
    JUNE,
    LI,
    PERIOD,
    REVIEWER,
    SETTLEMENT,
    TIMER,
    WANG,
    account,
    approve,
    assess,
    batch,
    bill,
    cancel,
    claim,
    confirmed,
    employer_pays,
    enrol,
    enrolment,
    file,
    granted,
    named,
    noon,
    of,
    paid,
    pay,
    played,
    quoted,
    returned,
    workers_pay,
)
from tests.services.aid.office import office

CONTRACT = contract_id(CABLE, PERIOD)
MEMBERSHIP = membership_id(LI, PERIOD)
ENROLLED = played((enrol(), CADRE, JUNE))
LAST = date(2019, 6, 30)
DUE = fen("17421.13")


def rows[R](view: View[R], history: Sequence[Event]) -> list[R]:
    return ViewSpecification(view, federation=DONGYANG).given(*history).rows


def only[R](view: View[R], history: Sequence[Event]) -> R:
    (row,) = rows(view, history)
    return row


# Enrolment


def membership(first: date | None = None, last: date | None = None, benefits_from: date | None = None) -> MembershipRow:
    of_the_roster = (MEMBERSHIP, LI, PERIOD, CONTRACT, enrolment(), CABLE, DONGYANG, DONGYANG)
    return MembershipRow(*of_the_roster, first, last, benefits_from)


def test_whoever_is_enrolled_has_no_days_of_cover_until_both_parts_are_in() -> None:
    assert only(Memberships(), ENROLLED) == membership()
    half = played((employer_pays(), CLERK, JUNE), after=ENROLLED)
    assert only(Memberships(), half) == membership()
    whole = played((workers_pay(), CLERK, JUNE), after=half)
    assert only(Memberships(), whole) == membership(PERIOD, LAST, PERIOD + timedelta(days=30))


def test_cover_that_ended_early_shows_its_last_day() -> None:
    whole = played((employer_pays(), CLERK, JUNE), (workers_pay(), CLERK, JUNE), after=ENROLLED)
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=JANUARY)
    assert only(Memberships(), played((died, TIMER, JANUARY), after=whole)).last == JANUARY


def test_an_enrolment_shows_what_is_due_and_what_came_in() -> None:
    row = EnrolmentRow(
        CONTRACT,
        enrolment(),
        CABLE,
        PERIOD,
        DONGYANG,
        DONGYANG,
        members=1,
        left_out=0,
        employer_part=fen(25),
        worker_part=fen(25),
        employer_due=fen(25),
        worker_due=fen(25),
        submitted_at=NOON,
        pay_by=end_of(JUNE + timedelta(days=60)),
    )
    assert only(Enrolments(), ENROLLED) == row
    row.worker_paid_on = JUNE
    half = played((workers_pay(), CLERK, JUNE), after=ENROLLED)
    assert only(Enrolments(), half) == row
    row.employer_paid_on = JANUARY
    assert only(Enrolments(), played((employer_pays(), CLERK, JANUARY), after=half)) == row


@pytest.mark.parametrize(
    ("command", "actor", "day"),
    [
        (WithdrawEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment()), CADRE, JUNE),
        (LapseEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment()), TIMER, JANUARY),
    ],
    ids=["withdrawn", "lapsed"],
)
def test_an_enrolment_that_ended_leaves_nobody_enrolled(command: Any, actor: Any, day: date) -> None:
    ended = played((command, actor, day), after=ENROLLED)
    assert only(Enrolments(), ended).ended
    assert rows(Memberships(), ended) == []


def test_whom_another_enrolment_has_taken_meanwhile_the_end_of_the_first_does_not_release() -> None:
    first, second = played((enrol(LI, WANG), CADRE, JUNE)), played((enrol(LI, name="二"), CADRE, JUNE))
    late = played(
        (WithdrawEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment()), CADRE, JUNE), after=first
    )[len(first) :]
    (row,) = rows(Memberships(), [*first, *second, *late])
    assert (row.member_id, row.enrolment_id) == (LI, enrolment("二"))


# The ceiling


def test_an_account_shows_what_is_held_and_what_is_granted() -> None:
    held = played((file(), of(LI), JANUARY), (assess(), CLERK, JANUARY), after=COVERED)
    of_li = (account_id(LI, PERIOD), LI, PERIOD)
    assert only(Accounts(), held) == AccountRow(*of_li, reserved=DUE)
    assert only(Accounts(), granted()) == AccountRow(*of_li, settled=DUE)
    undone = ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE)
    assert only(Accounts(), played((undone, HEAD, JANUARY), after=granted())) == AccountRow(*of_li)
    turned_down = RejectClaim(claim_id=claim(), ground=RejectionGround.UNTRUE)
    assert only(Accounts(), played((turned_down, HEAD, JANUARY), after=held)) == AccountRow(*of_li)


# Claims


def claimed(*steps: Any, after: Sequence[Event] = COVERED) -> ClaimRow:
    return only(Claims(), played(*((command, actor, JANUARY) for command, actor in steps), after=after))


def test_a_claim_shows_what_was_filed_and_never_the_illness_or_the_hospital() -> None:
    row = claimed((file(), of(LI)))
    assert (row.claim_id, row.member_id, row.channel, row.filed_by) == (claim(), LI, Channel.ONLINE, str(LI))
    assert (row.county, row.pool, row.filed_in, row.period) == (DONGYANG, DONGYANG, DONGYANG, PERIOD)
    assert (row.status, row.missing, row.act_by, row.due) == (ClaimStatus.FILED, [], None, 0)
    assert row.bill == bill().model_dump_json()
    assert row.filed_at == NOON
    assert "肝" not in repr(row)
    assert "医院" not in repr(row)


def test_missing_documents_are_shown_with_their_deadline_until_they_are_supplied() -> None:
    row = claimed((file(documents=()), of(LI)))
    assert row.missing == [*ALL_DOCUMENTS]
    assert row.act_by == end_of(JANUARY + timedelta(days=30))
    some = SupplyDocuments(claim_id=claim(), documents=ALL_DOCUMENTS[:3])
    row = claimed((file(documents=()), of(LI)), (some, of(LI)))
    assert (row.missing, row.act_by) == ([Document.IDENTITY], end_of(JANUARY + timedelta(days=30)))
    rest = SupplyDocuments(claim_id=claim(), documents=(Document.IDENTITY,))
    row = claimed((file(documents=()), of(LI)), (some, of(LI)), (rest, of(LI)))
    assert (row.missing, row.act_by) == ([], None)


def test_each_step_of_the_desk_is_shown() -> None:
    filed, assessed, reviewed = (file(), of(LI)), (assess(), CLERK), (ReviewClaim(claim_id=claim()), REVIEWER)
    row = claimed(filed, assessed)
    assert (row.status, row.amount, row.assessed_by, row.granted) == (ClaimStatus.ASSESSED, DUE, CLERK.id, 0)
    assert claimed(filed, assessed, reviewed).status is ClaimStatus.REVIEWED
    row = claimed(filed, assessed, reviewed, (approve(), HEAD))
    assert (row.status, row.granted, row.granted_on) == (ClaimStatus.APPROVED, DUE, NOON.date())
    assert (row.due, row.live) == (DUE, None)


def test_a_claim_that_was_turned_down_shows_the_ground_and_its_clause() -> None:
    row = claimed((file(), of(LI)), (RejectClaim(claim_id=claim(), ground=RejectionGround.UNTRUE), HEAD))
    assert (row.status, row.ground, row.clause) == (
        ClaimStatus.REJECTED,
        RejectionGround.UNTRUE,
        "职工医疗互助保障 第7条",
    )
    assert claimed((file(), of(LI)), (WithdrawClaim(claim_id=claim()), of(LI))).status is ClaimStatus.WITHDRAWN


def test_a_reopening_forgets_the_assessment_and_its_end_tells_why_nothing_changed() -> None:
    changed = bill("40000", "33011234567890")
    reopen = ReopenClaim(claim_id=claim(), ground=ReopenGround.RESETTLED, bill=changed)
    row = claimed((reopen, CLERK), after=granted())
    assert (row.status, row.reopened, row.assessment, row.amount) == (ClaimStatus.FILED, True, None, 0)
    assert (row.bill, row.granted) == (changed.model_dump_json(), DUE)
    uphold = RejectClaim(claim_id=claim(), ground=RejectionGround.NOTHING_TO_PAY)
    row = claimed((reopen, CLERK), (uphold, HEAD), after=granted())
    assert (row.status, row.ground) == (ClaimStatus.APPROVED, RejectionGround.NOTHING_TO_PAY)
    assert row.bill == bill().model_dump_json()


def test_money_on_its_way_is_not_due_and_a_claim_is_settled_once_it_has_arrived() -> None:
    ordered = claimed((pay(), CLERK), after=granted())
    assert (ordered.live, ordered.live_amount, ordered.due) == (payment_id(claim(), 1), DUE, 0)
    assert ordered.status is ClaimStatus.APPROVED
    row = only(Claims(), paid())
    assert (row.status, row.paid, row.paid_on, row.live, row.due) == (ClaimStatus.SETTLED, DUE, JANUARY, None, 0)


def test_a_payment_that_comes_back_leaves_its_amount_due_before_and_after_it_had_arrived() -> None:
    at_the_bank = ((pay(), CLERK), (batch(), CLERK))
    row = claimed(*at_the_bank, (returned(), CLERK), after=granted())
    assert (row.status, row.due, row.live) == (ClaimStatus.APPROVED, DUE, None)
    row = claimed((returned(), CLERK), after=paid())
    assert (row.status, row.due, row.paid) == (ClaimStatus.APPROVED, DUE, 0)


def test_what_was_paid_and_then_reversed_is_owed_back() -> None:
    undone = ReverseClaim(claim_id=claim(), ground=ReversalGround.UNTRUE)
    row = claimed((undone, HEAD), after=paid())
    assert (row.status, row.granted, row.paid, row.owed_back) == (ClaimStatus.REVERSED, 0, 0, DUE)
    assert row.reversed_on == NOON.date()
    recovered = RecoverOverpayment(claim_id=claim(), amount=fen(421), reference="回单3")
    assert claimed((undone, HEAD), (recovered, CLERK), after=paid()).owed_back == fen("17000.13")


def test_a_payee_who_died_is_shown_until_a_successor_is_named() -> None:
    heir = NameSuccessor(
        claim_id=claim(), account=Personal(BankAccount(holder="李儿", number="6222")), evidence="公证书1"
    )
    row = claimed((NotePayeeDeath(claim_id=claim()), TIMER), after=granted())
    assert (row.payee_died, row.has_successor) == (True, False)
    row = claimed((NotePayeeDeath(claim_id=claim()), TIMER), (heir, CLERK), after=granted())
    assert (row.payee_died, row.has_successor) == (True, True)
    assert "6222" not in repr(row)


# The hospital's side


def settlement(status: SettlementStatus, **known: Any) -> SettlementRow:
    of_the_hospital = (SETTLEMENT, HOSPITAL, "S1", DONGYANG, DONGYANG)
    return SettlementRow(*of_the_hospital, status=status, clauses=[], amount=DUE, **known)


def test_a_settlement_is_quoted_confirmed_and_cancelled() -> None:
    assert only(Settlements(), quoted()) == settlement(
        SettlementStatus.QUOTED, valid_until=noon(JANUARY) + timedelta(minutes=120)
    )
    assert only(Settlements(), confirmed()) == settlement(SettlementStatus.CONFIRMED, confirmed_on=JANUARY)
    next_day = JANUARY + timedelta(days=1)
    cancelled = played((cancel(), AT_THE_HOSPITAL, next_day), after=confirmed())
    assert only(Settlements(), cancelled) == settlement(
        SettlementStatus.CANCELLED, confirmed_on=JANUARY, cancelled_on=next_day
    )
    assert only(Claims(), cancelled).status is ClaimStatus.REVERSED


def test_a_quote_that_lapsed_is_shown_so_and_holds_nothing() -> None:
    lapsed = played((LapseQuote(claim_id=SETTLEMENT), TIMER, JANUARY + timedelta(days=1)), after=quoted())
    assert only(Settlements(), lapsed) == settlement(SettlementStatus.LAPSED)
    assert only(Claims(), lapsed).status is ClaimStatus.LAPSED
    assert only(Accounts(), lapsed).reserved == 0


def test_a_settlement_that_the_ceiling_reduces_shows_the_clause_and_not_what_is_left() -> None:
    row = only(Settlements(), quoted("80000"))
    assert (row.amount, row.clauses) == (fen(30_000), ["职工医疗互助保障 第5条"])


def test_a_manual_claim_is_no_hospitals_settlement() -> None:
    assert rows(Settlements(), granted()) == []


# Payment


def test_an_instruction_goes_to_the_bank_in_a_batch_and_comes_back_or_not() -> None:
    waiting = PaymentRow(
        payment_id(claim(), 1), claim(), DONGYANG, DONGYANG, DUE, Payee.MEMBER, None, instructed_at=NOON
    )
    assert only(Payments(), played((pay(), CLERK, JANUARY), after=granted())) == waiting
    at_the_bank = played((pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY), after=granted())
    row = only(Payments(), at_the_bank)
    assert (row.status, row.batch_id) == (PaymentStatus.AT_THE_BANK, BatchId(named("批次一")))
    row = only(Payments(), paid())
    assert (row.status, row.on) == (PaymentStatus.SENT, JANUARY)
    row = only(Payments(), played((returned(), CLERK, JANUARY), after=at_the_bank))
    assert (row.status, row.ground) == (PaymentStatus.RETURNED, ReturnGround.ACCOUNT_CLOSED)
    assert only(Batches(), at_the_bank) == BatchRow(
        BatchId(named("批次一")), DONGYANG, NOON, payments=1, total=DUE, by=CLERK.id
    )


def test_a_reversal_withdraws_what_waits_and_recalls_what_is_at_the_bank() -> None:
    undone = (ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE), HEAD, JANUARY)
    waiting = played((pay(), CLERK, JANUARY), undone, after=granted())
    assert only(Payments(), waiting).status is PaymentStatus.WITHDRAWN
    at_the_bank = played((pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY), undone, after=granted())
    row = only(Payments(), at_the_bank)
    assert (row.status, row.recalled) == (PaymentStatus.AT_THE_BANK, True)


def test_a_second_instruction_stands_beside_the_one_that_came_back() -> None:
    again = played((returned(), CLERK, JANUARY), (pay(), CLERK, JANUARY), after=paid(), account=account(on=JANUARY))
    assert {row.payment_id: row.status for row in rows(Payments(), again)} == {
        payment_id(claim(), 1): PaymentStatus.RETURNED,
        payment_id(claim(), 2): PaymentStatus.WAITING,
    }


# The ledger


def test_a_day_shows_what_moved_on_each_account() -> None:
    share = (DONGYANG, DONGYANG, PERIOD)
    history = paid()
    this_period = [row for row in rows(FundDays(), history) if row.period == PERIOD]
    assert this_period == [
        FundDayRow(*share, JUNE, entries=2, bank=fen(50), contributions=-fen(50)),
        FundDayRow(*share, JANUARY, entries=2, bank=-DUE, benefits=DUE),
    ]


# Slots


def test_a_slot_shows_who_has_booked_it() -> None:
    slot = SlotId(named("周六上午"))
    begins = noon(JANUARY) + timedelta(days=2)
    opened = OpenSlot(slot_id=slot, place="职工服务中心", starts_at=begins, minutes=30, capacity=2)
    row = SlotRow(slot, DONGYANG, "职工服务中心", begins, begins + timedelta(minutes=30), 2, booked={})
    history = played((opened, CLERK, JANUARY))
    assert only(Slots(), history) == row
    books = BookAppointment(slot_id=slot, member_id=LI)
    booked = played((books, of(LI), JANUARY), after=history)
    assert only(Slots(), booked).booked == {str(LI): str(books.appointment_id)}
    cancels = CancelAppointment(slot_id=slot, member_id=LI)
    assert only(Slots(), played((cancels, of(LI), JANUARY), after=booked)) == row


# In PostgreSQL


async def test_every_view_shows_the_same_in_its_table_live_and_rebuilt(database_url: str) -> None:
    at_the_hospital = confirmed("20000", after=paid())[len(paid()) :]
    history = [*paid(), *at_the_hospital, *played((returned(), CLERK, JANUARY), after=paid())[len(paid()) :]]
    async with EventStore(database_url, "aid", CODEC) as store:
        for view in VIEWS:
            told = ViewSpecification(view, federation=DONGYANG).given(*history)
            assert told.rows or isinstance(view, Slots)
            await told.shows_in(store, *told.rows)


async def test_tables_that_are_filled_anew_are_those_that_served(database_url: str) -> None:
    async with office(database_url) as here:
        await here.told([*paid(), *confirmed("20000", after=paid())[len(paid()) :]], JANUARY)
        undone = ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE)
        await here.happens((undone, HEAD, JANUARY), (cancel(), AT_THE_HOSPITAL, JANUARY))
        served = await here.tables()
        for view in VIEWS:
            assert await here.read_models.own.rebuild(type(view)) == await here.store.head()
        assert await here.tables() == served
        assert all(served[view.name] for view in VIEWS if not isinstance(view, Slots))
