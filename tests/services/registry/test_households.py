"""Who lives with whom, as a roster says."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.registry.identity import read_id_number
from services.registry.roster import ListedMember
from services.registry.roster.households import Lodging, lodgings
from tests.services.registry.desk import number

NOBODY = ListedMember(
    name="李建国",
    id_number=read_id_number(number(1), date(2019, 7, 1)),
    phone=None,
    email=None,
    union=None,
    employer=None,
    credit_code=None,
    post=None,
    trade=None,
    skill_level=None,
    skilled=False,
    joined_on=None,
    head_id_number=None,
    household=None,
    account=None,
    bank=None,
)


def listed(own: int, head: int | None = None, household: str | None = None) -> ListedMember:
    return replace(
        NOBODY,
        id_number=read_id_number(number(own), date(2019, 7, 1)),
        head_id_number=None if head is None else number(head),
        household=household,
    )


def housed(*members: ListedMember) -> dict[str, str]:
    found = lodgings(members)
    assert len({one.id_number for one in found}) == len(found)
    return {one.id_number: one.head for one in found}


def test_whoever_names_nobody_or_themselves_lives_where_they_do() -> None:
    assert housed(listed(1), listed(2, head=2), listed(3, household="7")) == {}


def test_whoever_names_a_head_lives_with_them_wherever_the_heads_row_is() -> None:
    assert housed(listed(1, head=2), listed(2), listed(3, head=2)) == {number(1): number(2), number(3): number(2)}


def test_a_head_need_not_be_on_the_roster() -> None:
    assert lodgings([listed(1, head=9)]) == [Lodging(number(1), number(9))]


def test_the_first_of_a_numbered_household_is_its_head() -> None:
    assert housed(listed(1, household="7"), listed(2, household="8"), listed(3, household="7")) == {
        number(3): number(1)
    }


def test_a_heads_number_counts_before_that_of_the_household() -> None:
    told = (listed(1, household="7"), listed(2, head=4, household="7"), listed(4), listed(3, household="7"))
    assert housed(*told) == {number(2): number(4), number(3): number(1)}


def test_a_household_whose_first_names_a_head_is_that_heads() -> None:
    told = (listed(1, head=9, household="7"), listed(2, household="7"))
    assert housed(*told) == {number(1): number(9), number(2): number(9)}


def test_a_head_who_lives_with_another_is_none() -> None:
    assert housed(listed(1, head=2), listed(2, head=3), listed(3)) == {number(1): number(3), number(2): number(3)}
    assert housed(listed(1, head=2), listed(2, head=9)) == {number(1): number(9), number(2): number(9)}


def test_of_those_who_name_one_another_the_first_is_the_head() -> None:
    assert housed(listed(1, head=2), listed(2, head=1)) == {number(2): number(1)}
    ring = (listed(4, head=1), listed(1, head=2), listed(2, head=3), listed(3, head=1))
    assert housed(*ring) == {number(4): number(1), number(2): number(1), number(3): number(1)}


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 15) | st.none()), unique_by=lambda told: told[0]))
def test_everybody_gets_to_one_head_who_lives_with_nobody_else(told: list[tuple[int, int | None]]) -> None:
    heads = housed(*(listed(own, head) for own, head in told))
    named = {number(own): number(head) for own, head in told if head is not None}
    assert not set(heads.values()) & set(heads)
    for own, head in heads.items():
        assert heads.get(named[own], named[own]) == head  # with whomever one names, one shares the head


def test_a_long_line_of_heads_is_followed_to_its_end() -> None:
    line = [listed(n, head=n + 1) for n in range(1, 900)]
    assert set(housed(*line).values()) == {number(900)}
