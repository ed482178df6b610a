"""Money: fen in Python, a CNY string with two places on the wire, and nothing in between."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.schemas.money import LARGEST_FEN, Fen, PositiveFen, cny, fen, round_fen


class Bill(BaseModel):
    amount: Fen
    fee: PositiveFen = 1


@given(st.integers(-LARGEST_FEN + 1, LARGEST_FEN - 1))
def test_every_amount_comes_back_from_the_wire_as_it_went(amount: int) -> None:
    bill = Bill(amount=amount)
    assert fen(cny(amount)) == amount
    assert Bill.model_validate_json(bill.model_dump_json()) == bill


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1234.50", 123450),
        ("1234.5", 123450),
        ("-0.05", -5),
        ("0", 0),
        (12, 1200),
        (0.1, 10),
        (Decimal("1E+3"), 100000),
    ],
)
def test_amounts_as_people_and_machines_write_them(written: str | float | Decimal, meant: int) -> None:
    assert fen(written) == meant


@pytest.mark.parametrize(
    "written",
    ["1.005", "1e3", "", ".50", "1.", "1,000.00", "١٢.50", "NaN", "Infinity", "-", "9" * 14, 0.1 + 0.2],
)
def test_what_is_no_amount_is_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match="two places"):
        fen(written)


@pytest.mark.parametrize("json", ["true", "null", "[]", '"1.005"', "1e400", "123456789012345678901234567890"])
def test_what_is_no_amount_on_the_wire_is_refused_without_repeating_it(json: str) -> None:
    with pytest.raises(ValidationError):
        Bill.model_validate_json(f'{{"amount": {json}}}')


def test_a_fee_is_never_nothing() -> None:
    with pytest.raises(ValidationError):
        Bill.model_validate_json('{"amount": "1.00", "fee": "0.00"}')


def test_in_python_an_amount_is_fen_and_nothing_else() -> None:
    for wrong in ("1.00", 1.0, Decimal(1)):
        with pytest.raises(ValidationError):
            Bill.model_validate({"amount": wrong})


@pytest.mark.parametrize(("exact", "rounded"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("-0.5", 0), ("2.500001", 3)])
def test_half_a_fen_goes_to_the_even_one(exact: str, rounded: int) -> None:
    assert round_fen(Decimal(exact)) == rounded
