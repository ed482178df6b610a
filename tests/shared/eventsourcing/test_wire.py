"""Events as messages: what stands where, and that it comes back as it was."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from shared.eventsourcing.codec import Codec, UnknownEvent
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.wire import Encoder, Unpublishable, received, stream_name, subjects
from shared.schemas.ids import new_id
from shared.schemas.messages import Event, Meta

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Weighed(Event):
    schema_version = 2

    grams: int
    remark: str = ""


class Handed(Event):
    addressed_to = "carrier"

    carrier: str | None
    parcel: UUID


def in_grams(content: dict[str, Any]) -> dict[str, Any]:
    return {"grams": content["kilos"] * 1000}


CODEC = Codec([Weighed, Handed], {("Weighed", 1): in_grams})
ENCODER = Encoder("parcels", CODEC)


def recorded(
    event: Event,
    *,
    position: int = 7,
    stream: str = "parcel-1",
    federation: str = "330503",
    actor: str = "officer:li",
    time: datetime = datetime(2025, 6, 1, 4, 0, 0, 250_000, tzinfo=UTC),
    trace: str | None = TRACE,
    cause: UUID | None = None,
    kind: str | None = None,
) -> Recorded:
    command = new_id()
    meta = Meta(
        federation=federation,
        actor=actor,
        time=time,
        correlation=new_id(),
        causation=command,
        cause=cause,
        trace=trace,
    )
    return Recorded(
        CODEC,
        position,
        stream,
        3,
        new_id(),
        kind or type(event).__name__,
        event.schema_version,
        event.model_dump_json(),
        meta.model_dump_json(),
        time,
    )


def back(event: Recorded, codec: Codec = CODEC) -> Recorded:
    message = ENCODER.message(event)
    return received(message.headers, message.body, codec)


def test_an_event_says_in_its_headers_what_it_is_and_where_it_stands() -> None:
    event = recorded(Weighed(grams=900))
    message = ENCODER.message(event)
    assert message.subject == "evt.330503.parcels.Weighed"
    assert message.headers == {
        "ce-specversion": "1.0",
        "ce-id": str(event.id),
        "ce-source": "niangjia/parcels",
        "ce-type": "Weighed",
        "ce-subject": "parcel-1",
        "ce-time": "2025-06-01T04:00:00.250000Z",
        "ce-federation": "330503",
        "ce-correlation": str(event.meta.correlation),
        "ce-causation": str(event.meta.causation),
        "ce-position": "7",
        "ce-version": "3",
        "ce-schema": "2",
        "ce-actor": "officer:li",
        "ce-recordedat": "2025-06-01T04:00:00.250000Z",
        "content-type": "application/json",
        "traceparent": TRACE,
    }
    assert from_json(message.body) == {"grams": 900, "remark": ""}


def test_an_event_without_a_trace_has_no_header_for_it() -> None:
    assert "traceparent" not in ENCODER.message(recorded(Weighed(grams=1), trace=None)).headers


def test_the_body_is_the_json_as_it_is_stored() -> None:
    event = recorded(Weighed(grams=900, remark="轻拿轻放"))
    assert ENCODER.message(event).body.decode() == event.data


def test_an_addressed_event_ends_with_its_addressee() -> None:
    event = recorded(Handed(carrier="nxbank", parcel=new_id()))
    assert ENCODER.message(event).subject == "evt.330503.parcels.Handed.nxbank"


def test_an_event_that_happens_to_have_no_addressee_is_published_without_one() -> None:
    assert ENCODER.message(recorded(Handed(carrier=None, parcel=new_id()))).subject == "evt.330503.parcels.Handed"


@pytest.mark.parametrize("carrier", ["", "a.b", "*", ">", "two words", "邮政"])
def test_an_addressee_that_is_no_token_is_not_published(carrier: str) -> None:
    with pytest.raises(Unpublishable, match="position 7"):
        ENCODER.message(recorded(Handed(carrier=carrier, parcel=new_id())))


def test_a_federation_that_is_no_token_is_not_published() -> None:
    with pytest.raises(Unpublishable, match="position 7"):
        ENCODER.message(recorded(Weighed(grams=1), federation="330503.>"))


def test_an_event_of_newer_code_is_not_published_since_its_addressee_is_unknown() -> None:
    with pytest.raises(UnknownEvent, match="Returned at position 7"):
        ENCODER.message(recorded(Weighed(grams=1), kind="Returned"))


def test_a_reader_meets_an_event_it_does_not_know_only_when_it_asks_for_the_content() -> None:
    event = back(recorded(Handed(carrier="sf", parcel=new_id())), Codec([]))
    assert (event.type, event.position, event.meta.federation) == ("Handed", 7, "330503")
    with pytest.raises(UnknownEvent):
        _ = event.event


def test_an_event_of_an_old_schema_is_lifted_by_its_reader() -> None:
    old = Recorded(
        CODEC, 7, "parcel-1", 1, new_id(), "Weighed", 1, '{"kilos": 3}', recorded(Weighed(grams=1)).meta, None
    )
    assert back(old).event == Weighed(grams=3000)


def test_a_reader_may_give_the_position_that_the_event_has_for_it() -> None:
    message = ENCODER.message(recorded(Weighed(grams=1), position=7))
    assert received(message.headers, message.body, CODEC, position=4000).position == 4000


def test_what_is_no_event_of_ours_is_not_taken_for_one() -> None:
    with pytest.raises(KeyError):
        received({"ce-id": str(new_id())}, b"{}", CODEC)


@given(
    grams=st.integers(),
    remark=st.text(st.characters(exclude_categories=["Cs"])),
    stream=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    actor=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    time=st.datetimes(timezones=st.just(UTC)),
    trace=st.none() | st.just(TRACE),
    cause=st.none() | st.uuids(),
)
def test_an_event_comes_back_as_it_went(
    grams: int, remark: str, stream: str, actor: str, time: datetime, trace: str | None, cause: UUID | None
) -> None:
    event = recorded(
        Weighed(grams=grams, remark=remark), stream=stream, actor=actor, time=time, trace=trace, cause=cause
    )
    message = ENCODER.message(event)
    assert all(value.isascii() and value.isprintable() for value in message.headers.values())
    again = received(message.headers, message.body, CODEC)
    assert (again.position, again.stream, again.version, again.id, again.type, again.schema) == (
        event.position,
        event.stream,
        event.version,
        event.id,
        event.type,
        event.schema,
    )
    assert again.event == event.event
    assert again.meta == event.meta
    assert again.recorded_at == event.recorded_at
    assert Meta.model_validate_json(again.meta_json) == event.meta


def test_a_programme_has_one_stream_of_its_own_subjects() -> None:
    assert stream_name("parcels") == "PARCELS"
    assert subjects("parcels") == "evt.*.parcels.>"


def test_a_programme_whose_name_is_no_token_has_none() -> None:
    with pytest.raises(ValueError, match="token"):
        subjects("parcels.>")
