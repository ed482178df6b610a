"""The loan's language: who may ask for what, what goes to the bank, and that nobody is named."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.schemas import loan
from shared.schemas.ids import MemberId, new_id
from shared.schemas.language import commands_of, events_of, queries_of
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationEvent,
    ApplicationId,
    Borrower,
    HouseholdEvent,
    LineEvent,
    LineId,
    PublishRates,
    RateBand,
    RatesEvent,
    RecordRepayment,
    RepaymentReceived,
)
from shared.schemas.messages import Command, Event, Query, Role
from shared.schemas.money import fen

EVENTS = list(events_of(loan).values())
COMMANDS = list(commands_of(loan).values())
QUERIES = list(queries_of(loan).values())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_belongs_to_one_kind_of_stream(event: type[Event]) -> None:
    kinds = (ApplicationEvent, LineEvent, HouseholdEvent, RatesEvent)
    assert sum(issubclass(event, kind) for kind in kinds) == 1


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_no_event_names_a_person(event: type[Event]) -> None:
    assert not {"name", "phone", "id_number", "email", "account", "note"} & event.model_fields.keys()


def test_means_and_findings_are_sealed_and_no_other_event_than_these_has_them() -> None:
    sealed = {event.__name__: (event.subject, *event.personal_fields) for event in EVENTS if event.personal_fields}
    assert sealed == {
        "ApplicationFiled": ("member_id", "borrower", "findings"),
        "ApplicationReassessed": ("member_id", "findings"),
    }
    told = {"borrower", "findings", *Borrower.model_fields}
    assert {event.__name__ for event in EVENTS if told & event.model_fields.keys()} == sealed.keys()


def test_what_the_bank_must_know_is_addressed_to_it() -> None:
    addressed = {event.__name__ for event in EVENTS if event.addressed_to is not None}
    assert addressed == {
        "DrawdownCancelled",
        "DrawdownExpired",
        "DrawdownRequested",
        "EndorsementWithdrawn",
        "LineClosed",
        "LineExpired",
        "LineFrozen",
        "LineRetiered",
        "LineUnfrozen",
        "LoanEndorsed",
    }
    for event in EVENTS:
        assert event.addressed_to is None or event.model_fields[event.addressed_to].is_required()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_says_who_may_ask(command: type[Command]) -> None:
    assert command.roles != frozenset(Role)
    assert Role.SYSTEM not in command.roles or Role.MEMBER not in command.roles


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.__name__)
def test_every_query_has_an_answer_with_a_schema(query: type[Query[object]]) -> None:
    assert query.answers().json_schema(mode="serialization")


def test_an_id_is_made_where_the_caller_chooses_none() -> None:
    one, other = (
        AcceptLoan(
            application_id=ApplicationId(new_id()), limit=fen(1), months=12, annual_percent=Decimal("4.35")
        ).line_id
        for _ in range(2)
    )
    assert one != other


def test_amounts_and_rates_are_decimal_texts_on_the_wire() -> None:
    received = RepaymentReceived(
        line_id=LineId(new_id()),
        member_id=MemberId(new_id()),
        repayment_id=loan.RepaymentId(new_id()),
        amount=fen("1234.50"),
        on=date(2019, 7, 1),
        toward=None,
        allocations=(),
        credit=0,
        principal=fen(1000),
    )
    wire = received.model_dump(mode="json")
    assert (wire["amount"], wire["credit"], wire["on"]) == ("1234.50", "0.00", "2019-07-01")
    assert RepaymentReceived.model_validate_json(received.model_dump_json()) == received
    assert RateBand(annual_percent=Decimal("4.35")).model_dump(mode="json")["annual_percent"] == "4.35"


@pytest.mark.parametrize(
    "change", [{"purpose_cost": "0.00"}, {"monthly_income": "-1.00"}, {"cycle_months": -1}, {"standing": ""}]
)
def test_a_borrower_makes_sense(change: dict[str, object]) -> None:
    usual = {
        "cycle_months": 1,
        "standing": "good",
        "purpose": "car",
        "purpose_cost": "90000.00",
        "monthly_income": "6500.00",
    }
    assert Borrower.model_validate_json(_json(usual)).monthly_obligations == 0
    with pytest.raises(ValidationError):
        Borrower.model_validate_json(_json(usual | change))


def _json(content: dict[str, object]) -> bytes:
    return TypeAdapter(dict[str, object]).dump_json(content)


@pytest.mark.parametrize("amount", ["0", "-5.00", "0.001"])
def test_a_repayment_is_more_than_nothing_and_whole_fen(amount: str) -> None:
    with pytest.raises(ValidationError):
        RecordRepayment.model_validate_json(_json({"line_id": str(new_id()), "amount": amount}))


def test_an_unknown_field_of_a_command_is_refused() -> None:
    repayment: dict[str, object] = {"line_id": str(new_id()), "amount": "1.00"}
    assert RecordRepayment.model_validate_json(_json(repayment)).amount == 100
    with pytest.raises(ValidationError):
        RecordRepayment.model_validate_json(_json(repayment | {"amonut": "1.00"}))


def test_rates_are_published_with_a_band_at_least() -> None:
    entry: dict[str, object] = {"table": "lpr", "version": "1", "effective_from": "2019-08-20"}
    band = {"annual_percent": "4.25"}
    assert PublishRates.model_validate_json(_json(entry | {"bands": [band]})).bands[0].up_to_months is None
    with pytest.raises(ValidationError):
        PublishRates.model_validate_json(_json(entry | {"bands": []}))


@pytest.mark.parametrize("words", [loan.Tier, loan.RepaymentForm, loan.Ground])
def test_every_word_has_its_term(words: type[loan.Tier] | type[loan.RepaymentForm] | type[loan.Ground]) -> None:
    assert len({word.term for word in words}) == len(words)
