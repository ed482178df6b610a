"""The identity of a notification."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.schemas.notify import Channel, Recipient, RecipientKind, notification_id

names = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)
recipients = st.builds(Recipient, kind=st.sampled_from(RecipientKind), id=names)
causes = st.tuples(st.uuids(), names, st.sampled_from(Channel), recipients)

type Cause = tuple[UUID, str, Channel, Recipient]


@given(causes, causes)
def test_event_rule_channel_and_recipient_are_one_notification(one: Cause, other: Cause) -> None:
    assert (notification_id(*one) == notification_id(*other)) == (one == other)
    assert notification_id(*one) == notification_id(one[0], one[1], one[2], Recipient.parse(str(one[3])))
