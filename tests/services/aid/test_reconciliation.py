"""Daily reconciliation with a hospital: every difference, in both directions."""

from hypothesis import given
from hypothesis import strategies as st

from services.aid.reconciliation import Difference, Settled, reconcile
from shared.schemas.aid import DifferenceKind, SettlementStatus

CONFIRMED, CANCELLED = SettlementStatus.CONFIRMED, SettlementStatus.CANCELLED


def line(number: str, amount: int = 100, status: SettlementStatus = CONFIRMED) -> Settled:
    return Settled(number, status, amount)


def test_every_difference_is_listed_in_both_directions() -> None:
    ours = [line("A"), line("B"), line("C"), line("D")]
    theirs = [line("A"), line("C", 101), line("D", status=CANCELLED), line("E")]
    assert reconcile(ours, theirs) == [
        Difference(DifferenceKind.ONLY_THE_FUNDS, "B", line("B"), None),
        Difference(DifferenceKind.AMOUNT, "C", line("C"), line("C", 101)),
        Difference(DifferenceKind.STATUS, "D", line("D"), line("D", status=CANCELLED)),
        Difference(DifferenceKind.ONLY_THE_HOSPITALS, "E", None, line("E")),
    ]


def test_a_settlement_that_the_hospital_lists_twice_is_a_difference() -> None:
    assert reconcile([line("A")], [line("A"), line("A")]) == [
        Difference(DifferenceKind.TWICE, "A", line("A"), line("A"))
    ]


lines = st.builds(line, st.sampled_from("ABCDEF"), st.integers(1, 3), st.sampled_from([CONFIRMED, CANCELLED]))
days = st.lists(lines, unique_by=lambda each: each.settlement_number)


@given(days)
def test_two_sides_that_agree_have_no_difference(day: list[Settled]) -> None:
    assert reconcile(day, day) == reconcile(day, list(reversed(day))) == []


@given(days, days)
def test_what_is_not_listed_agrees(ours: list[Settled], theirs: list[Settled]) -> None:
    differing = {difference.settlement_number for difference in reconcile(ours, theirs)}
    agreed = {each.settlement_number for each in set(ours) & set(theirs)}
    everything = {each.settlement_number for each in (*ours, *theirs)}
    assert differing == everything - agreed
