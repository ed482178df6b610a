"""What must have happened by when: each deadline comes once, on the day it falls due, and not of what was settled."""

from datetime import timedelta

from services.aid.domain.account import ACCOUNT
from shared.schemas.aid import (
    AppointmentReminderDue,
    BookAppointment,
    CancelAppointment,
    ClaimRejected,
    Document,
    EnrolmentEnded,
    HospitalSettlementLapsed,
    OpenSlot,
    RejectionGround,
    SupplyDocuments,
    account_id,
)
from tests.services.aid.cases import (
    ALL_DOCUMENTS,
    AT_THE_HOSPITAL,
    CADRE,
    CHEN,
    CLERK,
    JANUARY,
    JUNE,
    LI,
    PERIOD,
    claim,
    confirm,
    employer_pays,
    enrol,
    file,
    noon,
    of,
    quote,
)
from tests.services.aid.county import County
from tests.waiting import until


async def test_an_enrolment_that_nothing_is_paid_of_lapses_and_one_half_in_keeps_another(dongyang: County) -> None:
    await dongyang.does(enrol(LI, name="一"), CADRE)
    await dongyang.does(enrol(CHEN, name="二"), CADRE)
    await dongyang.does(employer_pays(name="二"))
    await dongyang.on(JUNE + timedelta(days=61))
    (ended,) = await dongyang.once_told(EnrolmentEnded)
    assert ended.lapsed
    await dongyang.does(enrol(LI, name="三"), CADRE)
    await _settled(dongyang)
    assert len(await dongyang.told(EnrolmentEnded)) == 1


async def test_documents_that_are_not_supplied_in_time_end_the_claim(january: County) -> None:
    await january.does(file(name="一", documents=(Document.INVOICE,)), of(LI))
    await january.does(file(name="二", invoices=("33011234567899",), documents=(Document.INVOICE,)), of(LI))
    await january.on(JANUARY + timedelta(days=30))
    await january.does(SupplyDocuments(claim_id=claim("二"), documents=ALL_DOCUMENTS), of(LI))
    await january.on(JANUARY + timedelta(days=31))
    (rejected,) = await january.once_told(ClaimRejected)
    assert (rejected.claim_id, rejected.ground) == (claim("一"), RejectionGround.DOCUMENTS)
    assert rejected.clause == "职工医疗互助保障 第7条"


async def test_a_quote_that_is_not_confirmed_lapses_and_what_it_held_is_free(january: County) -> None:
    await january.does(quote(number="S1"), AT_THE_HOSPITAL)
    await january.does(quote("700", number="S2", invoices=("33019999000002",)), AT_THE_HOSPITAL)
    await january.does(confirm("S2"), AT_THE_HOSPITAL)
    await january.on(noon(JANUARY) + timedelta(minutes=121))
    (lapsed,) = await january.once_told(HospitalSettlementLapsed)
    assert lapsed.settlement_number == "S1"
    assert await january.tries(confirm("S1"), AT_THE_HOSPITAL) == "quote_lapsed"
    await _settled(january)
    account = await january.state(ACCOUNT, account_id(LI, PERIOD))
    assert (sum(account.reserved.values()), sum(account.settled.values())) == (0, 80_00)
    await january.does(quote(number="S1"), AT_THE_HOSPITAL)
    await january.does(confirm("S1"), AT_THE_HOSPITAL)


async def test_who_has_an_appointment_is_reminded_a_day_ahead_and_who_cancelled_is_not(january: County) -> None:
    begins = noon(JANUARY) + timedelta(hours=54)
    slot = OpenSlot(place="服务中心", starts_at=begins, minutes=30, capacity=2)
    await january.does(slot, CLERK)
    for member_id in (LI, CHEN):
        await january.does(BookAppointment(slot_id=slot.slot_id, member_id=member_id), of(member_id))
    await january.does(CancelAppointment(slot_id=slot.slot_id, member_id=CHEN), of(CHEN))
    await january.on(begins - timedelta(hours=23))
    (due,) = await january.once_told(AppointmentReminderDue)
    assert due.member_id == LI
    await january.on(begins + timedelta(hours=1))
    await _settled(january)
    assert len(await january.told(AppointmentReminderDue)) == 1


async def _settled(here: County) -> None:
    """Until no timer is late."""
    timers = here.aid.timers
    assert timers is not None

    async def none_late() -> bool:
        late, _ = await timers.overdue()
        return timers.folded >= await here.aid.store.head() and not late

    await until(none_late)
