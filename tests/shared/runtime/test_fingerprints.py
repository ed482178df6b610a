"""What the log keeps of a command beside its events: enough to know it again, nothing to hold guesses against."""

from dataclasses import replace

import pytest

from shared.runtime.envelope import Envelope, fingerprint
from shared.runtime.settings import Settings
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import ChangeContacts

MEMBER = MemberId(new_id())
OURS, OTHERS = bytes(range(32)), bytes(32)
ENVELOPE = Envelope.fresh(Actor(role=Role.MEMBER, id=str(MEMBER)), "330503")


def changed(phone: str) -> ChangeContacts:
    return ChangeContacts(member_id=MEMBER, phone=Personal(phone), email=None)


def test_the_same_command_is_known_again_and_another_is_not() -> None:
    first = fingerprint(changed("13800000001"), ENVELOPE, OURS)
    assert fingerprint(changed("13800000001"), ENVELOPE, OURS) == first
    assert fingerprint(changed("13800000002"), ENVELOPE, OURS) != first
    assert fingerprint(changed("13800000001"), replace(ENVELOPE, federation="330783"), OURS) != first


@pytest.mark.parametrize("secret", [b"", OTHERS])
def test_whoever_has_not_the_key_cannot_tell_by_it_what_was_said(secret: bytes) -> None:
    kept = fingerprint(changed("13800000001"), ENVELOPE, OURS)
    assert fingerprint(changed("13800000001"), ENVELOPE, secret) != kept


def test_every_instance_of_a_county_has_the_same_key_and_it_is_not_the_one_that_wraps() -> None:
    one, other = (
        Settings.model_validate({"database_url": "postgresql://x/x", "nats_url": "nats://x", "master_key": key})
        for key in ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",) * 2
    )
    assert one.fingerprint_key == other.fingerprint_key != one.wrapping_key
