"""What the registry's read models show of a history; each is folded in pieces, twice, and in one go."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.registry.service import CODEC
from services.registry.views import (
    EmployerRow,
    Employers,
    FederationRow,
    Federations,
    MemberRow,
    Members,
    UnionRow,
    Unions,
)
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view_specification import ViewSpecification, happened
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRemoved,
    ConsentWithdrawn,
    ContactsChanged,
    EmployerAdmitted,
    EmployerContactAppointed,
    EmployerContactRelieved,
    EmployerRegistered,
    EmployerReleased,
    EmployerRenamed,
    FederationContactAppointed,
    FederationContactRelieved,
    FederationRegistered,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityCorrected,
    IdentityTaken,
    MemberMoved,
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
    UnionEstablished,
    UnionRenamed,
)
from shared.schemas.registry.values import (
    ConsentPurpose,
    FederationLevel,
    HonourLevel,
    SkillLevel,
    UnionKind,
    UnionPost,
)
from tests.services.registry.histories import (
    CABLE,
    CONSENT,
    HOME,
    HONOUR,
    LI,
    MILL,
    NUMBER,
    OTHER_HOME,
    SHOP,
    TODAY,
    WANG,
    WORKS,
    YESTERDAY,
    banked,
    consented,
    ended,
    erased,
    honoured,
    registered,
    traded,
)

NOON = datetime(2019, 7, 1, 4, 0, tzinfo=UTC)

members = ViewSpecification(Members())
employers = ViewSpecification(Employers())
unions = ViewSpecification(Unions())
federations = ViewSpecification(Federations())


def li(**otherwise: Any) -> MemberRow:
    row = MemberRow(
        member_id=LI,
        federation="330503",
        household_id=HOME,
        union_id=CABLE,
        employer_id=WORKS,
        name="李建国",
        id_number=NUMBER,
        phone="13800000000",
        email=None,
        post="电缆工",
        joined_on=TODAY,
    )
    return replace(row, **otherwise)


# Members


def test_a_member_is_shown_as_registered() -> None:
    members.given(registered()).shows(li())


def test_events_that_are_not_of_members_show_nothing() -> None:
    members.given(IdentityTaken(member_id=LI)).shows()


def test_a_member_whose_name_and_number_were_put_right() -> None:
    corrected = IdentityCorrected(member_id=LI, name=Personal("李建"), id_number=Personal("330503199001011232"))
    members.given(registered(), corrected).shows(li(name="李建", id_number="330503199001011232"))


def test_a_member_who_left_and_one_who_came_back_elsewhere() -> None:
    moved = MemberMoved(
        member_id=LI,
        union_id=MILL,
        employer_id=SHOP,
        post=None,
        from_union_id=CABLE,
        from_employer_id=WORKS,
        on=TODAY,
    )
    members.given(registered(), ended()).shows(li(ended_on=YESTERDAY))
    members.given(registered(), ended(), moved).shows(li(union_id=MILL, employer_id=SHOP, post=None))


def test_the_last_trade_stands() -> None:
    members.given(registered(), traded(), traded("焊工", None)).shows(li(trade="焊工", skilled=True))
    members.given(registered(), traded()).shows(li(trade="电工", skill_level=SkillLevel.SENIOR.value, skilled=True))


def test_households_joined_and_left() -> None:
    joined = HouseholdJoined(member_id=LI, household_id=OTHER_HOME, from_household_id=HOME, on=TODAY)
    left = HouseholdLeft(member_id=LI, household_id=HOME, from_household_id=OTHER_HOME, on=TODAY)
    members.given(registered(), joined).shows(li(household_id=OTHER_HOME))
    members.given(registered(), joined, left).shows(li())


def title() -> dict[str, Any]:
    return {
        "honour_id": str(HONOUR),
        "title": "南浔工匠",
        "level": "district",
        "on": YESTERDAY.isoformat(),
        "until": None,
    }


def test_titles_granted_and_revoked() -> None:
    revoked = HonourRevoked(
        member_id=LI,
        honour_id=HONOUR,
        title="南浔工匠",
        level=HonourLevel.DISTRICT,
        ground=Personal("材料不实"),
        on=TODAY,
    )
    members.given(registered(), honoured()).shows(li(honours=[title()]))
    members.given(registered(), honoured(), revoked).shows(li())


def test_contacts_that_are_left_out_are_no_longer_known() -> None:
    changed = ContactsChanged(member_id=LI, phone=None, email=Personal("li@example.com"))
    members.given(registered(), changed).shows(li(phone=None, email="li@example.com"))


def test_a_bank_account_recorded_and_removed() -> None:
    account = {"account": "62220200001111", "account_at": NOON, "bank": "南浔银行练市支行"}
    members.given(registered(), happened(banked(), at=NOON)).shows(li(**account))
    members.given(registered(), banked(), BankAccountRemoved(member_id=LI)).shows(li())


def test_consents_given_and_withdrawn() -> None:
    given = {
        "consent_id": str(CONSENT),
        "purpose": "share_with_bank",
        "to": "nxbank",
        "on": YESTERDAY.isoformat(),
        "until": None,
    }
    withdrawn = ConsentWithdrawn(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence=None,
        on=TODAY,
    )
    members.given(registered(), consented()).shows(li(consents=[given]))
    members.given(registered(), consented(), withdrawn).shows(li())


def nobody() -> MemberRow:
    return li(name="", id_number="", phone=None, post=None, erased=True)


def test_of_an_erased_person_ids_and_dates_are_left() -> None:
    history = (registered(), traded(), banked(), honoured(), consented(), erased())
    members.given(*history).shows(nobody())


def test_what_a_rebuild_after_the_erasure_reads_as_erased_shows_nothing_either() -> None:
    """Once the key is destroyed the fields of earlier events read as erased."""
    gone: dict[str, Any] = {"name": Personal.erased(), "id_number": Personal.erased(), "phone": Personal.erased()}
    forgotten = registered().model_copy(update=gone)
    unbanked = banked().model_copy(update={"account": Personal.erased(), "bank": Personal.erased()})
    members.given(forgotten, unbanked, erased()).shows(nobody())


def test_one_erased_member_takes_nothing_from_another() -> None:
    wang = registered(WANG, "王芳")
    members.given(registered(), wang, erased()).shows(nobody(), li(member_id=WANG, name="王芳"))


# Organisations


def test_an_employer_its_union_and_its_contacts() -> None:
    entered = EmployerRegistered(employer_id=WORKS, federation="330503", name="电缆厂", credit_code="91330503MA3")
    row = EmployerRow(WORKS, "330503", "电缆厂", "91330503MA3")
    admitted, released = (kind(union_id=CABLE, employer_id=WORKS) for kind in (EmployerAdmitted, EmployerReleased))
    appointed = EmployerContactAppointed(employer_id=WORKS, member_id=LI)
    relieved = EmployerContactRelieved(employer_id=WORKS, member_id=LI)
    employers.given(entered).shows(row)
    employers.given(entered, EmployerRenamed(employer_id=WORKS, name="电缆")).shows(replace(row, name="电缆"))
    employers.given(entered, admitted, appointed).shows(replace(row, union_id=CABLE, contacts=[str(LI)]))
    employers.given(entered, admitted, appointed, relieved, released).shows(row)


def test_a_union_and_who_acts_for_it() -> None:
    founded = UnionEstablished(
        union_id=CABLE,
        federation="330503",
        name="电缆工会",
        kind=UnionKind.SINGLE,
        employer_ids=(WORKS,),
        credit_code=None,
    )
    row = UnionRow(CABLE, "330503", "电缆工会", "single", None)
    chair = UnionContactAppointed(union_id=CABLE, member_id=LI, post=UnionPost.CHAIR)
    cadre = UnionContactAppointed(union_id=CABLE, member_id=LI, post=UnionPost.CADRE)
    relieved = UnionContactRelieved(union_id=CABLE, member_id=LI, post=UnionPost.CADRE)
    post = {"member_id": str(LI), "post": "cadre"}
    unions.given(founded, UnionRenamed(union_id=CABLE, name="工会")).shows(replace(row, name="工会"))
    unions.given(founded, chair, cadre).shows(replace(row, contacts=[post]))
    unions.given(founded, chair, cadre, relieved).shows(row)
    unions.given(founded, UnionDissolved(union_id=CABLE, on=TODAY)).shows(replace(row, dissolved_on=TODAY))


def test_a_federation_and_who_answers_for_it() -> None:
    entered = FederationRegistered(code="330503", name="南浔区总工会", level=FederationLevel.COUNTY, parent="330500")
    row = FederationRow("330503", "南浔区总工会", "county", "330500")
    appointed = FederationContactAppointed(code="330503", member_id=LI)
    federations.given(entered, appointed).shows(replace(row, contacts=[str(LI)]))
    federations.given(entered, appointed, FederationContactRelieved(code="330503", member_id=LI)).shows(row)


async def test_the_tables_hold_the_same(database_url: str) -> None:
    async with EventStore(database_url, "registry", CODEC) as store:
        await members.given(registered(), honoured(), happened(banked(), at=NOON)).shows_in(
            store, li(honours=[title()], account="62220200001111", account_at=NOON, bank="南浔银行练市支行")
        )
        await members.given(registered(), honoured(), banked(), erased()).shows_in(store, nobody())
