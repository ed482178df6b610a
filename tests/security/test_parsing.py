"""Whatever bytes arrive for whatever command or query: it is read, or refused in words. Nothing else comes of it."""

import json
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.envelope import Envelope, parse
from shared.schemas.aid import OpenSlot
from shared.schemas.messages import Refused
from shared.schemas.notify import ShowCosts, StartSending
from shared.schemas.registry import FindMember
from tests.security.hostile import LANGUAGES, Maker, encoded, kinds_of, spoiled

KINDS: Final = [kind for language in LANGUAGES.values() for kind in kinds_of(language)]


def refused(kind: type[Any], body: bytes) -> dict[str, str]:
    """The fields that are wrong; empty where it was read."""
    try:
        assert isinstance(parse(kind, body), kind)
    except Refused as error:
        refusal = error.refusal
        assert (refusal.code, bool(refusal.clause), bool(refusal.message)) == ("malformed", True, True)
        fields: dict[str, str] = refusal.details["fields"]
        assert fields
        return fields
    return {}


def test_there_are_messages_of_every_programme() -> None:
    assert len(KINDS) > 150


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS))
def test_a_spoiled_message_of_each_kind_is_read_or_refused(seed: int, kind: type[Any]) -> None:
    random = Random(seed)
    message = Maker(random).message(kind)
    refused(kind, encoded(message))
    refused(kind, encoded(spoiled(random, message)))


@given(body=st.binary(max_size=200), kind=st.sampled_from(KINDS))
def test_bytes_are_read_or_refused(body: bytes, kind: type[Any]) -> None:
    refused(kind, body)


@given(seed=st.integers(0, 2**32), place=st.floats(0, 1), byte=st.integers(0, 255), kind=st.sampled_from(KINDS))
def test_a_message_with_a_byte_changed_is_read_or_refused(seed: int, place: float, byte: int, kind: type[Any]) -> None:
    body = bytearray(encoded(Maker(Random(seed)).message(kind)))
    body[int(place * (len(body) - 1))] = byte
    refused(kind, bytes(body))


HEADERS = st.dictionaries(
    st.sampled_from(["actor", "command-id", "correlation", "causation", "sent-at", "traceparent", "other"]),
    st.text() | st.sampled_from(["officer:zhou", "0198f6a0-0000-7000-8000-000000000001", "2019-07-01T00:00:00Z"]),
)


@given(federation=st.text() | st.just("330503"), headers=HEADERS)
def test_headers_are_read_or_refused(federation: str, headers: dict[str, str]) -> None:
    try:
        envelope = Envelope.received(federation, headers)
    except Refused as error:
        code = error.refusal.code
    else:
        code = envelope.federation
    assert code in {"malformed", "330503"}


SLOT: Final = {"slot_id": "0198f6a0-0000-7000-8000-000000000001", "place": "窗口", "minutes": 15, "capacity": 1}


@pytest.mark.parametrize(
    "starts_at",
    [
        "0001-01-01T00:00:00+14:00",  # before the calendar begins, in UTC
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1899-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
    ],
)
def test_an_instant_at_the_end_of_the_calendar_is_refused(starts_at: str) -> None:
    assert refused(OpenSlot, json.dumps({**SLOT, "starts_at": starts_at}).encode()).keys() == {"starts_at"}
    assert not refused(OpenSlot, json.dumps({**SLOT, "starts_at": "2019-07-01T01:00:00Z"}).encode())


def test_a_number_that_no_column_holds_is_refused() -> None:
    sending = {"notification_id": SLOT["slot_id"], "provider": "x", "attempt": 2**53 + 1}
    assert "attempt" in refused(StartSending, json.dumps(sending).encode())


@pytest.mark.parametrize("sealed", ["token", None])
def test_personal_data_comes_in_clear_and_not_as_somebody_s_sealed_token(sealed: str | None) -> None:
    assert refused(FindMember, json.dumps({"id_number": {"sealed": sealed}}).encode())


def test_the_digits_of_another_script_are_no_month() -> None:
    assert refused(ShowCosts, '{"month": "２０１９-07"}'.encode()).keys() == {"month"}
