"""Notify as a whole service, on real servers: events in, messages in the sinks."""

from shared.schemas.notify import DeliveryStatus
from tests.services.notify.post_office import MEMBER_NAME, County, PostOffice, Sinks, repaid

SENT = DeliveryStatus.SENT


async def test_an_event_reaches_its_member_by_every_channel_of_its_rule(
    here: County, office: PostOffice, sinks: Sinks
) -> None:
    person = await here.person(email=True)
    await here.happens(repaid(person.member_id, 1_742_113))
    rows = await office.ended(3)
    print([(r.rule, r.channel, r.status, r.reason) for r in rows])
    (text,) = await sinks.texts(person.phone)
    assert text["text"].startswith(f"【南浔区总工会】{MEMBER_NAME}您好，您2026年11月24日的匠心贷还款17,421.13元已入账")
