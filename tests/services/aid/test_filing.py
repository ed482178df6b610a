"""Manual claims as they arrive: by the worker, by a cadre on behalf, at the counter; with what is missing to follow."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.aid.domain.claim import Stage
from services.aid.domain.desk import fold
from services.aid.domain.facts import end_of
from services.aid.domain.invoice import INVOICE
from services.aid.refusals import FILING
from shared.schemas.aid import (
    Bill,
    Care,
    Channel,
    ClaimFiled,
    ClaimRejected,
    CloseIncompleteClaim,
    Document,
    DocumentMissingNoted,
    DocumentSupplied,
    InvoiceConflictFound,
    InvoiceReserved,
    PoolPosted,
    RejectionGround,
    ReopenClaim,
    ReopenGround,
    SupplyDocuments,
    WithdrawClaim,
    invoice_id,
)
from shared.schemas.money import fen
from tests.services.aid.cases import (
    ALL_DOCUMENTS,
    CADRE,
    CLERK,
    COVERED,
    DONGYANG,
    JANUARY,
    JINHUA,
    LI,
    PERIOD,
    SUN,
    TIMER,
    WANG,
    aid,
    assess,
    bill,
    claim,
    confirmed,
    decided_for,
    file,
    insured,
    kinds,
    noon,
    of,
    only,
    played,
    state_of,
    worker,
)

CHINA = ZoneInfo("Asia/Shanghai")


def test_a_worker_files_and_is_judged_by_the_scheme_in_force_at_admission() -> None:
    events = aid.given(*COVERED).when(file(), actor=of(LI)).events
    assert kinds(events) == ["ClaimFiled", "InvoiceReserved"]
    filed = only(ClaimFiled, events)
    assert (filed.channel, filed.period, filed.scheme, filed.pool) == (
        Channel.ONLINE,
        PERIOD,
        "dongyang-1",
        DONGYANG,
    )


def test_nobody_files_for_another_worker() -> None:
    aid.given(*COVERED).when(file(), actor=of(SUN)).refused("not_yours")


def test_a_cadre_files_on_behalf_with_the_workers_consent_on_record() -> None:
    documents = (*ALL_DOCUMENTS, Document.PROXY_FORM)
    filed = only(ClaimFiled, aid.given(*COVERED).when(file(documents=documents), actor=CADRE).events)
    assert (filed.channel, filed.filed_by, filed.consent) == (Channel.PROXY, CADRE.id, "委托书2019-1")


def test_without_consent_no_cadre_files_on_behalf() -> None:
    aid.given(*COVERED).when(file(), actor=CADRE, worker=worker()).refused("no_consent", "个人信息保护法 第29条")


def test_a_cadre_of_another_union_does_not_file() -> None:
    aid.given(*COVERED).when(file(), actor=CADRE, acts_for=frozenset()).refused("not_your_union")
    aid.given(*COVERED).when(file(), actor=CADRE, worker=None).refused("not_a_member")


def test_a_cadre_who_is_ill_files_for_themselves() -> None:
    history = insured(WANG, on=date(2018, 6, 1))
    filed = only(ClaimFiled, aid.given(*history).when(file(member_id=WANG), actor=CADRE).events)
    assert filed.channel is Channel.ONLINE


def test_at_the_counter_an_officer_files_for_anybody() -> None:
    filed = only(ClaimFiled, aid.given(*COVERED).when(file(), actor=CLERK, worker=None).events)
    assert filed.channel is Channel.COUNTER


# What is covered


def test_who_is_not_enrolled_is_not_covered() -> None:
    aid.given().when(file(), actor=of(LI)).refused("not_covered", "职工医疗互助保障 第3条")


def test_ordinary_outpatient_care_is_not_covered() -> None:
    refusal = aid.given(*COVERED).when(file(care=Care.OUTPATIENT), actor=of(LI)).refused("care_not_accepted")
    assert refusal.message == "保障范围为住院、特殊门诊，不含普通门诊"


def test_a_stay_has_its_days_in_order_and_is_over() -> None:
    backwards = file(admitted_on=date(2018, 12, 16))
    aid.given(*COVERED).when(backwards, actor=of(LI)).refused("stay_days")
    still_there = file(discharged_on=JANUARY + timedelta(days=1))
    aid.given(*COVERED).when(still_there, actor=of(LI)).refused("still_in_hospital")


def test_where_there_is_no_scheme_there_is_no_claim() -> None:
    aid.given(*COVERED).when(file(), actor=of(LI), federation="330503").refused("no_scheme")


def test_a_bill_on_which_others_paid_more_than_all_is_wrong() -> None:
    wrong = Bill(invoices=("33011234567890",), total=fen(100), insurance_paid=fen(90), other_paid=fen(11))
    aid.given(*COVERED).when(file(bill=wrong), actor=of(LI)).refused("wrong_bill")


# The deadline


def test_a_claim_is_filed_until_the_deadline_is_over() -> None:
    last = date(2018, 12, 15) + timedelta(days=180)
    moment = end_of(last) - timedelta(microseconds=1)
    assert aid.given(*COVERED).when(file(), actor=of(LI), now=moment).refusal is None
    refusal = aid.given(*COVERED).when(file(), actor=of(LI), now=end_of(last)).refused("too_late", FILING)
    assert refusal.details["last"] == "2019-06-13"


def test_on_the_thirty_first_of_december_at_24_00_the_year_is_over() -> None:
    """A deadline of that day ends at 24:00, which is the beginning of the first of January."""
    early = insured(LI, on=date(2017, 6, 1), period=date(2017, 7, 1))
    stay: dict[str, Any] = {"admitted_on": date(2018, 6, 28), "discharged_on": date(2018, 7, 4)}
    midnight = datetime(2019, 1, 1, tzinfo=CHINA)
    assert end_of(date(2018, 7, 4) + timedelta(days=180)) == midnight
    assert aid.given(*early).when(file(**stay), actor=of(LI), now=midnight - timedelta(seconds=1)).refusal is None
    aid.given(*early).when(file(**stay), actor=of(LI), now=midnight).refused("too_late")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2018-12-31T24:00", date(2019, 1, 1)),
        ("2018-12-31 24:00:00", date(2019, 1, 1)),
        ("2018-12-31T23:59:59+08:00", date(2018, 12, 31)),
        ("2018-12-31T16:00:00Z", date(2019, 1, 1)),
        ("2018-12-31", date(2018, 12, 31)),
    ],
)
def test_an_admission_at_24_00_is_of_the_next_day(written: str, day: date) -> None:
    assert file(admitted_on=written, discharged_on="2019-01-02").admitted_on == day


def test_an_admission_at_24_00_of_the_periods_last_day_belongs_to_the_next_period() -> None:
    history = insured(LI)
    stay: dict[str, Any] = {"admitted_on": "2019-06-30T24:00", "discharged_on": "2019-07-05"}
    aid.given(*history).when(file(**stay), actor=of(LI), now=noon(date(2019, 7, 6))).refused("not_covered")
    stay["admitted_on"] = "2019-06-30T23:59:59+08:00"
    assert aid.given(*history).when(file(**stay), actor=of(LI), now=noon(date(2019, 7, 6))).refusal is None


def test_a_stay_across_two_periods_belongs_wholly_to_the_one_of_its_admission() -> None:
    both = insured(LI, period=date(2019, 7, 1), on=date(2019, 6, 20), after=COVERED)
    stay: dict[str, Any] = {"admitted_on": date(2019, 6, 25), "discharged_on": date(2019, 7, 20)}
    filed = only(ClaimFiled, aid.given(*both).when(file(**stay), actor=of(LI), now=noon(date(2019, 8, 1))).events)
    assert (filed.period, filed.scheme, filed.pool) == (PERIOD, "dongyang-1", DONGYANG)


def test_a_member_may_file_in_any_county_of_the_pool_and_the_home_county_bears_it() -> None:
    history = insured(LI, period=date(2019, 7, 1), on=date(2019, 6, 20), after=COVERED)
    stay: dict[str, Any] = {"admitted_on": date(2019, 8, 1), "discharged_on": date(2019, 8, 9)}
    events = aid.given(*history).when(file(**stay), actor=CLERK, federation=JINHUA, now=noon(date(2019, 9, 1))).events
    filed = only(ClaimFiled, events)
    assert (filed.filed_in, filed.county, filed.pool) == (JINHUA, DONGYANG, JINHUA)


def test_before_the_city_pooled_it_one_countys_cover_was_no_other_funds() -> None:
    aid.given(*COVERED).when(file(), actor=CLERK, federation=JINHUA).refused("no_scheme")


# Missing documents (容缺)


PARTLY = played((file(documents=(Document.IDENTITY, Document.INVOICE)), of(LI), JANUARY), after=COVERED)
SUPPLIED = SupplyDocuments(claim_id=claim(), documents=(Document.DISCHARGE_SUMMARY, Document.SETTLEMENT_SHEET))
CLOSE = CloseIncompleteClaim(claim_id=claim())
SUPPLY_BY = end_of(JANUARY + timedelta(days=30))


def test_a_claim_without_all_documents_is_accepted_and_completed_later() -> None:
    noted = only(DocumentMissingNoted, PARTLY)
    assert noted.documents == (Document.SETTLEMENT_SHEET, Document.DISCHARGE_SUMMARY)
    assert noted.supply_by == SUPPLY_BY
    refusal = aid.given(*PARTLY).when(assess()).refused("documents_missing", "职工医疗互助保障 第7条")
    assert refusal.message == "尚缺材料：医保结算单、出院小结"
    complete = played((SUPPLIED, of(LI), JANUARY), after=PARTLY)
    assert only(DocumentSupplied, complete).missing == ()
    assert aid.given(*complete).when(assess()).refusal is None


def test_documents_may_come_one_by_one_and_twice() -> None:
    one = SupplyDocuments(claim_id=claim(), documents=(Document.DISCHARGE_SUMMARY,))
    history = played((one, of(LI), JANUARY), after=PARTLY)
    assert state_of(history).missing == (Document.SETTLEMENT_SHEET,)
    aid.given(*history).when(one, actor=of(LI)).nothing()


def test_nobody_else_supplies_a_workers_documents() -> None:
    aid.given(*PARTLY).when(SUPPLIED, actor=of(SUN)).refused("not_yours")


def test_what_is_not_supplied_in_time_has_the_claim_rejected() -> None:
    aid.given(*PARTLY).when(CLOSE, actor=TIMER, now=SUPPLY_BY - timedelta(seconds=1)).nothing()
    events = aid.given(*PARTLY).when(CLOSE, actor=TIMER, now=SUPPLY_BY).events
    assert kinds(events) == ["ClaimRejected", "InvoiceReleased"]
    rejected = only(ClaimRejected, events)
    assert (rejected.ground, rejected.clause) == (RejectionGround.DOCUMENTS, "职工医疗互助保障 第7条")


def test_a_claim_that_was_rejected_for_want_of_documents_may_be_reopened_with_a_new_deadline() -> None:
    rejected = played((CLOSE, TIMER, date(2019, 3, 1)), after=PARTLY)
    reopening = ReopenClaim(claim_id=claim(), ground=ReopenGround.NEW_EVIDENCE)
    events = aid.given(*rejected).when(reopening, now=noon(date(2019, 3, 2))).events
    assert kinds(events) == ["ClaimReopened", "InvoiceReserved", "DocumentMissingNoted"]
    assert only(DocumentMissingNoted, events).supply_by == end_of(date(2019, 4, 1))


def test_documents_that_came_in_time_leave_the_timer_nothing_to_do() -> None:
    complete = played((SUPPLIED, of(LI), JANUARY), after=PARTLY)
    aid.given(*complete).when(CLOSE, actor=TIMER, now=SUPPLY_BY).nothing()


def test_a_proxys_claim_asks_for_the_proxy_form() -> None:
    noted = only(DocumentMissingNoted, aid.given(*COVERED).when(file(), actor=CADRE).events)
    assert noted.documents == (Document.PROXY_FORM,)


def test_special_outpatient_care_asks_for_its_own_record() -> None:
    asked = file(care=Care.SPECIAL_OUTPATIENT)
    noted = only(DocumentMissingNoted, aid.given(*COVERED).when(asked, actor=of(LI)).events)
    assert noted.documents == (Document.SPECIAL_OUTPATIENT_RECORD,)


# Invoices


def test_an_invoice_counts_once_however_it_arrives() -> None:
    at_the_hospital = confirmed()
    filed = aid.given(*at_the_hospital).when(file(invoices=("3301-9999 000001",)), actor=of(LI)).events
    conflict = only(InvoiceConflictFound, filed)
    assert only(ClaimFiled, filed).conflicts == (conflict.number,) == ("33019999000001",)
    history = played((file(invoices=("33019999000001",)), of(LI), JANUARY), after=at_the_hospital)
    refusal = aid.given(*history).when(assess()).refused("invoice_counted", "职工医疗互助保障 第10条")
    assert refusal.details == {"numbers": "33019999000001"}


def test_an_invoice_counts_once_over_the_city_for_another_worker_too() -> None:
    history = played((file(), of(LI), JANUARY), after=(*COVERED, *insured(SUN, on=date(2018, 6, 1))))
    events = aid.given(*history).when(file(name="二", member_id=SUN), actor=of(SUN)).events
    assert only(InvoiceConflictFound, events).held_by == claim()


def test_an_invoice_named_twice_in_one_bill_is_refused() -> None:
    twice = bill("1000", "330112345678", "3301-1234-5678")
    aid.given(*COVERED).when(file(bill=twice), actor=of(LI)).refused("invoice_twice")


def test_all_counties_of_a_city_know_an_invoice_by_one_stream() -> None:
    assert invoice_id(DONGYANG, "33011234567890") == invoice_id(JINHUA, "33011234567890")
    assert invoice_id(DONGYANG, "33011234567890") != invoice_id("330503", "33011234567890")


def test_what_is_withdrawn_frees_its_invoices() -> None:
    history = played((file(), of(LI), JANUARY), after=COVERED)
    events = aid.given(*history).when(WithdrawClaim(claim_id=claim()), actor=of(LI)).events
    assert kinds(events) == ["ClaimWithdrawn", "InvoiceReleased"]
    again = played((WithdrawClaim(claim_id=claim()), of(LI), JANUARY), after=history)
    assert only(InvoiceReserved, aid.given(*again).when(file(name="二"), actor=of(LI)).events)


def test_what_is_approved_cannot_be_withdrawn() -> None:
    history = played(*decided_for(), after=COVERED)
    aid.given(*history).when(WithdrawClaim(claim_id=claim()), actor=of(LI)).refused("not_at_this_stage")


# What there is not


def test_a_claim_has_an_id_of_its_own() -> None:
    history = played((file(), of(LI), JANUARY), after=COVERED)
    aid.given(*history).when(file(), actor=of(LI)).refused("claim_exists")


def test_a_claim_of_another_city_is_unknown() -> None:
    history = played((file(), of(LI), JANUARY), after=COVERED)
    aid.given(*history).when(assess(), federation="330503").refused("unknown_claim")
    aid.given().when(assess()).refused("unknown_claim")


def test_a_rejected_claim_leaves_no_ledger_entry() -> None:
    history = played((file(documents=()), of(LI), JANUARY), (CLOSE, TIMER, date(2019, 3, 1)), after=COVERED)
    assert state_of(history).stage is Stage.REJECTED
    assert not [event for event in history[len(COVERED) :] if isinstance(event, PoolPosted)]
    assert fold(history).of(INVOICE, invoice_id(DONGYANG, "33011234567890")) is None
