"""What the loan keeps of the registry's stream: members as borrowers."""

from datetime import date

from pydantic_core import to_json

from services.loan.borrowers import BorrowerRow, Borrowers, member_facts
from services.loan.domain.facts import HeldTitle, MemberFacts
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.ids import EmployerId, UnionId
from shared.schemas.messages import Event
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ConsentGiven,
    ConsentPurpose,
    ConsentWithdrawn,
    EndOfMembership,
    ErasureGround,
    HonourGranted,
    HonourLevel,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    TradeRecorded,
)
from shared.schemas.registry.values import ConsentId, HonourId
from tests.services.loan.cases import AT_HOME, CABLE_WORKS, ELSEWHERE, JULY, LI, named

WORKS = EmployerId(named("电缆厂"))
OTHER_UNION = UnionId(named("木业工会"))
TITLE, CONSENT = HonourId(named("工匠")), ConsentId(named("同意"))
MAY = date(2019, 5, 1)

REGISTERED = MemberRegistered(
    member_id=LI,
    household_id=AT_HOME,
    union_id=CABLE_WORKS,
    employer_id=WORKS,
    name=Personal("李建国"),
    id_number=Personal("330503198001010015"),
    phone=Personal("13800000000"),
    email=None,
    post="电缆工",
    joined_on=MAY,
)
SKILLED = TradeRecorded(member_id=LI, trade="电线电缆制造工", skill_level=None, skilled=True)
HONOURED = HonourGranted(
    member_id=LI, honour_id=TITLE, title="南浔工匠", level=HonourLevel.DISTRICT, awarded_by=None, on=MAY, until=None
)
CONSENTED = ConsentGiven(
    member_id=LI,
    consent_id=CONSENT,
    purpose=ConsentPurpose.SHARE_WITH_BANK,
    to="nxbank",
    evidence="档案",
    on=MAY,
    until=None,
)


def row(*history: Event) -> BorrowerRow:
    (shown,) = ViewSpecification(Borrowers()).given(REGISTERED, *history).rows
    return shown


def facts(*history: Event, on: date = JULY) -> MemberFacts | None:
    return member_facts(row(*history), on)


def test_a_member_begins_in_a_household_and_a_union_without_trade_or_title() -> None:
    assert row() == BorrowerRow(LI, "330503", CABLE_WORKS, AT_HOME)
    assert facts() == MemberFacts(member_id=LI, union_id=CABLE_WORKS, household_id=AT_HOME)


def test_the_last_word_on_the_trade_counts() -> None:
    assert row(SKILLED).skilled
    assert not row(SKILLED, SKILLED.model_copy(update={"skilled": False})).skilled


def test_a_member_is_of_the_household_they_last_came_to() -> None:
    joined = HouseholdJoined(member_id=LI, household_id=ELSEWHERE, from_household_id=AT_HOME, on=JULY)
    left = HouseholdLeft(member_id=LI, household_id=AT_HOME, from_household_id=ELSEWHERE, on=JULY)
    assert row(joined).household_id == ELSEWHERE
    assert row(joined, left).household_id == AT_HOME


def test_a_title_is_held_from_its_grant_to_the_day_before_it_is_taken_back() -> None:
    known = facts(HONOURED)
    assert known is not None
    assert known.titles == (HeldTitle(title="南浔工匠", since=MAY),)
    revoked = HonourRevoked(
        member_id=LI,
        honour_id=TITLE,
        title="南浔工匠",
        level=HonourLevel.DISTRICT,
        ground=Personal("失信"),
        on=JULY,
    )
    known = facts(HONOURED, revoked)
    assert known is not None
    assert known.titles == (HeldTitle(title="南浔工匠", since=MAY, revoked_on=JULY),)


def test_a_title_granted_for_a_time_has_its_last_day() -> None:
    known = facts(HONOURED.model_copy(update={"until": JULY}))
    assert known is not None
    assert known.titles == (HeldTitle(title="南浔工匠", since=MAY, until=JULY),)


def test_a_consent_is_in_force_from_its_first_day_to_its_last_unless_withdrawn() -> None:
    def banks(*history: Event, on: date = JULY) -> object:
        known = facts(*history, on=on)
        assert known is not None
        return known.shares_with

    until_june = CONSENTED.model_copy(update={"until": date(2019, 6, 30)})
    withdrawn = ConsentWithdrawn(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence=None,
        on=JULY,
    )
    assert banks(CONSENTED) == {"nxbank"}
    assert banks(CONSENTED, on=MAY) == {"nxbank"}
    assert banks(CONSENTED, on=date(2019, 4, 30)) == set()
    assert banks(until_june, on=date(2019, 6, 30)) == {"nxbank"}
    assert banks(until_june) == set()
    assert banks(CONSENTED, withdrawn) == set()


def test_consents_to_hospitals_are_not_kept() -> None:
    assert row(CONSENTED.model_copy(update={"purpose": ConsentPurpose.SHARE_WITH_HOSPITAL, "to": "hz1"})).consents == []


def test_one_whose_membership_ended_is_no_borrower_until_taken_in_again() -> None:
    ended = MembershipEnded(
        member_id=LI, union_id=CABLE_WORKS, employer_id=WORKS, ground=EndOfMembership.RESIGNED, on=JULY
    )
    moved = MemberMoved(
        member_id=LI,
        union_id=OTHER_UNION,
        employer_id=WORKS,
        post=None,
        from_union_id=CABLE_WORKS,
        from_employer_id=WORKS,
        on=JULY,
    )
    assert facts(ended) is None
    known = facts(ended, moved)
    assert known is not None
    assert known.union_id == OTHER_UNION


def test_of_one_who_is_erased_ids_are_left_and_nothing_else() -> None:
    erased = MemberErased(member_id=LI, ground=ErasureGround.KEPT_LONG_ENOUGH)
    assert facts(SKILLED, HONOURED, CONSENTED, erased) is None
    assert row(SKILLED, HONOURED, CONSENTED, erased) == BorrowerRow(LI, "330503", CABLE_WORKS, AT_HOME, erased=True)


def test_nothing_that_names_a_person_is_kept() -> None:
    kept = to_json(row(SKILLED, HONOURED, CONSENTED)).decode()
    assert not [datum for datum in ("李建国", "330503198001010015", "13800000000", "档案") if datum in kept]
