"""Events of every schema number read as the newest."""

from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import ValidationError

from shared.eventsourcing.codec import Codec, UnknownEvent
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Event
from shared.schemas.money import Fen
from shared.schemas.personal import Personal
from tests.shared.eventsourcing.savings import CODEC, Deposited, Enrolled


class Honoured(Event):
    """At first `title` alone; then with its level; then the level as a word, and the place unsaid."""

    schema_version: ClassVar[int] = 3

    title: str
    level: str


def with_level(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "level": 1}


def level_as_word(data: dict[str, Any]) -> dict[str, Any]:
    return {"title": data["title"], "level": {1: "county", 2: "city"}[data["level"]]}


HONOURS = Codec([Honoured], {("Honoured", 1): with_level, ("Honoured", 2): level_as_word})


@pytest.mark.parametrize(
    ("schema", "data", "level"),
    [
        (1, '{"title": "匠人"}', "county"),
        (2, '{"title": "匠人", "level": 2, "place": "织里"}', "city"),
        (3, b'{"title": "\xe5\x8c\xa0\xe4\xba\xba", "level": "province"}', "province"),
    ],
)
def test_an_old_event_is_lifted_to_the_newest_schema(schema: int, data: str | bytes, level: str) -> None:
    assert HONOURS.decode("Honoured", schema, data) == Honoured(title="匠人", level=level)


def test_an_event_without_its_upcasters_is_not_accepted_into_a_language() -> None:
    with pytest.raises(TypeError, match="no upcaster from 2"):
        Codec([Honoured], {("Honoured", 1): with_level})


def test_an_event_comes_back_as_it_went_in() -> None:
    event = Deposited(amount=123450)
    stored = CODEC.encode(event)
    assert stored == '{"amount":"1234.50"}'
    assert CODEC.decode("Deposited", 1, stored) == event


def test_a_lifted_event_may_hold_money_and_ids() -> None:
    class Paid(Event):
        schema_version = 2

        by: UUID
        amount: Fen

    payer = new_id()
    codec = Codec([Paid], {("Paid", 1): lambda data: {"by": data["payer"], "amount": data["yuan"]}})
    old = f'{{"payer": "{payer}", "yuan": "12.30"}}'
    assert codec.decode("Paid", 1, old) == Paid(by=payer, amount=1230)


@pytest.mark.parametrize(("kind", "schema"), [("Refunded", 1), ("Deposited", 2), ("Deposited", 0)])
def test_what_newer_code_wrote_is_unknown(kind: str, schema: int) -> None:
    with pytest.raises(UnknownEvent, match=f"{kind} schema {schema}"):
        CODEC.decode(kind, schema, "{}")


def test_a_codec_knows_its_events() -> None:
    assert CODEC.knows("Deposited")
    assert not CODEC.knows("Refunded")


def test_personal_data_is_not_encoded_in_clear() -> None:
    event = Enrolled(member=MemberId(new_id()), union="织里总工会", name=Personal("李娟"))
    with pytest.raises(Exception, match="in clear") as raised:
        CODEC.encode(event)
    assert "李娟" not in str(raised.value)
    sealed = event.model_copy(update={"name": Personal[str].from_sealed("AQID")})
    assert CODEC.decode("Enrolled", 1, CODEC.encode(sealed)) == sealed


def test_a_field_that_an_event_does_not_have_is_passed_over() -> None:
    assert CODEC.decode("Deposited", 1, '{"amount": "1.00", "note": "x"}') == Deposited(amount=100)


def test_content_that_is_not_of_its_type_shows_no_value() -> None:
    with pytest.raises(ValidationError) as raised:
        CODEC.decode("Enrolled", 1, '{"member": "李娟", "union": "u", "name": "李娟"}')
    assert "李娟" not in str(raised.value)
    assert "李娟" not in repr(Personal("李娟"))
