"""A row of a roster: somebody new is entered, of somebody known what differs is changed, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.member import Member, first_household, member
from services.registry.domain.roster_row import Known, changed, entered
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import EmployerId
from shared.schemas.messages import Event, Refused
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ContactsChanged,
    EnterRosterRow,
    HouseholdJoined,
    IdentityCorrected,
    MemberMoved,
    SkillLevel,
    TradeRecorded,
)
from tests.services.registry.histories import (
    CABLE,
    FACTS,
    HOME,
    LI,
    MILL,
    NUMBER,
    SHOP,
    TODAY,
    WORKS,
    banked,
    ended,
    registered,
    traded,
)

new = Specification(member.fold, entered, FACTS)


def row(**said: Any) -> EnterRosterRow:
    personal = {"name", "id_number", "phone", "email", "account", "bank"}
    told = {"union_id": CABLE, "employer_id": WORKS, "name": "李建国", "id_number": NUMBER} | said
    return EnterRosterRow(
        member_id=LI, household_id=HOME, **{k: Personal(v) if k in personal else v for k, v in told.items()}
    )


def known(*history: Event, **otherwise: str | None) -> tuple[Member, Known]:
    """Somebody with the history of a registration and what follows; their data as the read model has it."""
    state = member.fold([registered(), *history])
    assert state is not None
    data: dict[str, str | None] = {
        "name": "李建国",
        "id_number": NUMBER,
        "phone": "13800000000",
        "email": None,
        "account": None,
        "bank": None,
    }
    return state, Known(**data | otherwise)  # type: ignore[arg-type]


def test_somebody_new_is_registered_with_all_that_the_row_says() -> None:
    said = row(
        phone="138 0000 0000",
        post="电缆工",
        trade="电工",
        skill_level=SkillLevel.SENIOR,
        skilled=True,
        account="62220200001111",
        bank="南浔银行练市支行",
    )
    new.given().when(said).then(registered(), traded(), banked())


def test_somebody_new_of_whom_little_is_known() -> None:
    new.given().when(row()).then(registered(phone=None, post=None))


def test_somebody_new_begins_alone_and_joins_the_household_that_is_there() -> None:
    alone = first_household(LI)
    registration = registered(phone=None, post=None).model_copy(update={"household_id": alone})
    joined = HouseholdJoined(member_id=LI, household_id=HOME, from_household_id=alone, on=TODAY)
    assert entered(row(account="62220200001111"), None, FACTS, with_others=True) == [
        registration,
        joined,
        banked(bank=None),
    ]


def test_an_id_that_is_somebodys_is_refused() -> None:
    new.given(registered()).when(row()).refused("member_exists")


def test_what_is_known_already_changes_nothing() -> None:
    assert changed(row(), *known(), FACTS) == []
    assert changed(row(phone="13800000000", post="电缆工"), *known(), FACTS) == []
    held = known(traded(), banked(), account="62220200001111", bank="南浔银行练市支行")
    said = row(trade="电工", skilled=True, account="6222-0200001111")
    assert changed(said, *held, FACTS) == []


def test_each_thing_that_differs_is_changed() -> None:
    said = row(name="李建", phone="13900000000", trade="焊工", skilled=True, account="62220200001112", bank="湖州银行")
    assert changed(said, *known(), FACTS) == [
        IdentityCorrected(member_id=LI, name=Personal("李建"), id_number=Personal(NUMBER)),
        TradeRecorded(member_id=LI, trade="焊工", skill_level=None, skilled=True),
        ContactsChanged(member_id=LI, phone=Personal("13900000000"), email=None),
        banked("62220200001112", "湖州银行"),
    ]


def test_what_the_row_leaves_out_stays() -> None:
    state, data = known(traded(), email="li@example.com", account="62220200001111", bank="湖州银行")
    said = row(phone="13900000000", skill_level=SkillLevel.TECHNICIAN, account="62220200001112")
    assert changed(said, state, data, FACTS) == [
        TradeRecorded(member_id=LI, trade="电工", skill_level=SkillLevel.TECHNICIAN, skilled=True),
        ContactsChanged(member_id=LI, phone=Personal("13900000000"), email=Personal("li@example.com")),
        banked("62220200001112", None),
    ]


def moved(employer: EmployerId = SHOP, post: str | None = "电缆工") -> MemberMoved:
    return MemberMoved(
        member_id=LI,
        union_id=MILL,
        employer_id=employer,
        post=post,
        from_union_id=CABLE,
        from_employer_id=WORKS,
        on=TODAY,
    )


def test_whoever_stands_on_another_unions_roster_moves_there() -> None:
    assert changed(row(union_id=MILL, employer_id=SHOP), *known(), FACTS) == [moved()]


def test_whoever_had_left_is_taken_in_again() -> None:
    (event,) = changed(row(), *known(ended()), FACTS)
    assert isinstance(event, MemberMoved)
    assert (event.union_id, event.from_union_id) == (CABLE, CABLE)


def test_another_unions_roster_does_not_rename_anybody() -> None:
    with pytest.raises(Refused, match=r"name_differs \(GB 11643\)"):
        changed(row(union_id=MILL, employer_id=SHOP, name="张三丰"), *known(), FACTS)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": "李"}, "name_malformed"),
        ({"phone": "1380000"}, "mobile_malformed"),
        ({"email": "li"}, "email_malformed"),
        ({"account": "12"}, "account_malformed"),
    ],
)
def test_what_cannot_be_is_refused_of_the_new_and_of_the_known(said: dict[str, Any], code: str) -> None:
    new.given().when(row(**said)).refused(code)
    with pytest.raises(Refused, match=code):
        changed(row(**said), *known(), FACTS)


rows = st.builds(
    lambda said: row(**{key: value for key, value in said.items() if value is not None}),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["李建国", "李建"]),
            "phone": st.sampled_from([None, "13800000000", "13900000000"]),
            "email": st.sampled_from([None, "li@example.com"]),
            "post": st.sampled_from([None, "电缆工", "焊工"]),
            "trade": st.sampled_from([None, "电工"]),
            "skill_level": st.sampled_from([None, *SkillLevel]),
            "skilled": st.booleans(),
            "account": st.sampled_from([None, "62220200001111", "62220200001112"]),
            "bank": st.sampled_from([None, "湖州银行"]),
            "employer_id": st.sampled_from([WORKS, SHOP]),
        }
    ),
)


@given(st.lists(rows, min_size=1, max_size=6))
def test_a_row_entered_twice_changes_nothing_the_second_time(told: list[EnterRosterRow]) -> None:
    first, *later = told
    history = entered(first, None, FACTS)
    for said in later:
        history += changed(said, *_as_held(history), FACTS)
        assert changed(said, *_as_held(history), FACTS) == []


def _as_held(history: list[Event]) -> tuple[Member, Known]:
    """The state, and the data as the events left them."""
    state = member.fold(history)
    assert state is not None
    data: dict[str, Any] = dict.fromkeys(("name", "id_number", "phone", "email", "account", "bank"))
    for event in history:
        for name in event.personal_fields:
            field = getattr(event, name)
            data[name] = None if field is None else field.clear
    return state, Known(**data)
