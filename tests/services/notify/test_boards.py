"""What the read models beside the notifications show."""

from datetime import timedelta
from uuid import UUID

from services.notify.boards import (
    ApprovalRow,
    Approvals,
    ContentRow,
    Contents,
    DigestRow,
    Digests,
    MinuteRow,
    Minutes,
    ProviderRow,
    Providers,
    Replies,
    ReplyRow,
    SubscriberRow,
    Subscribers,
)
from shared.eventsourcing.view_specification import ViewSpecification, happened
from shared.schemas.ids import MemberId
from shared.schemas.notify import (
    ContentsDropped,
    DigestClosed,
    FailureKind,
    Preference,
    ProviderShifted,
    RecipientForgotten,
    ReplyReceived,
    Shift,
    Subscribed,
    Unsubscribed,
    Written,
)
from shared.schemas.personal import Personal
from tests.services.notify.test_approving import approved, refused, submitted
from tests.services.notify.test_digesting import FIRST, OWN, SECOND, SIX, added
from tests.services.notify.test_domain import GATEWAY, NOON, failed, failed_once, requested, sent, undelivered
from tests.services.notify.test_domain import LI as LI_ID
from tests.services.notify.test_domain import unconfirmed as not_confirmed

LI, WANG = MemberId(LI_ID), MemberId(UUID("01985b5e-3f00-7000-8000-00000000000c"))
FORGOTTEN = RecipientForgotten(member_id=LI)


def test_minutes_count_what_became_of_attempts() -> None:
    minutes = ViewSpecification(Minutes(), at=NOON)
    took = sent().model_copy(update={"took_ms": 30})
    next_minute = sent().model_copy(update={"at": NOON + timedelta(seconds=61)})
    temporary = failed_once(1, 5, FailureKind.TEMPORARY)
    minutes.given(took, took, failed_once(1, 5), temporary, failed(), not_confirmed(), next_minute).shows(
        MinuteRow(GATEWAY, NOON, sent=2, temporary=1, permanent=1, technical=1, unconfirmed=1, took_ms=60),
        MinuteRow(GATEWAY, NOON + timedelta(minutes=1), sent=1),
    )


def test_a_message_that_did_not_arrive_says_nothing_of_an_attempt() -> None:
    ViewSpecification(Minutes(), at=NOON).given(undelivered()).shows()


def test_providers_have_the_shares_that_they_were_shifted_to_last() -> None:
    shifts = [
        ProviderShifted(provider=GATEWAY, shares=shares, why=why)
        for shares, why in ((90, Shift.ERRORS), (100, Shift.DRIFT))
    ]
    providers = ViewSpecification(Providers(), at=NOON)
    providers.given(*shifts[:1]).shows(ProviderRow(GATEWAY, 90, "errors", NOON))
    providers.given(*shifts).shows(ProviderRow(GATEWAY, 100, "drift", NOON))


def test_approvals_show_where_a_template_stands_with_a_vendor() -> None:
    approvals, of = ViewSpecification(Approvals(), at=NOON), ("aliyun", "loan-accepted@1")
    approvals.given(submitted).shows(ApprovalRow(*of, "submitted", NOON))
    approvals.given(submitted, approved).shows(ApprovalRow(*of, "approved", NOON, "SMS_1"))
    approvals.given(submitted, refused).shows(ApprovalRow(*of, "refused", NOON, None, "变量过多"))


REPLY = ReplyReceived(
    reply_id=OWN,
    provider="aliyun",
    member_id=LI,
    concerns=LI,
    written=Personal(Written(number="13800000001", text="TD")),
    asks_for=Preference.OPT_OUT,
    at=NOON,
)


def test_replies_show_numbers_masked_and_nothing_of_who_was_erased() -> None:
    replies = ViewSpecification(Replies(), at=NOON)
    row = ReplyRow(OWN, "330503", NOON, "aliyun", LI, "138****0001", "TD", "opt_out")
    replies.given(REPLY).shows(row)
    gone = ReplyRow(OWN, "330503", NOON, "aliyun", LI, None, None, "opt_out")
    replies.given(REPLY, FORGOTTEN).shows(gone)
    erased = REPLY.model_copy(update={"written": Personal.erased()})
    replies.given(erased).shows(gone)


def test_lists_hold_who_subscribed_and_was_not_erased() -> None:
    lists = ViewSpecification(Subscribers(), at=NOON)
    on = [Subscribed(list="news", member_id=one) for one in (LI, WANG)]
    wang = SubscriberRow("330503", "news", WANG)
    lists.given(*on).shows(SubscriberRow("330503", "news", LI), wang)
    lists.given(*on, Unsubscribed(list="news", member_id=LI)).shows(wang)
    lists.given(*on, FORGOTTEN).shows(wang)


def test_digests_wait_until_they_are_closed() -> None:
    digests = ViewSpecification(Digests(), at=NOON)
    digests.given(added(FIRST), added(SECOND)).shows(DigestRow(OWN, "330503", SIX, 2))
    digests.given(added(FIRST), added(SECOND), DigestClosed(digest_id=OWN, count=2)).shows()


def test_contents_are_known_until_they_are_dropped_or_the_person_is_erased() -> None:
    contents = ViewSpecification(Contents(), at=NOON)
    key = requested().content_key
    contents.given(requested(), requested()).shows(ContentRow(key, LI, "2026-11"))
    contents.given(requested(), ContentsDropped(month="2026-10")).shows(ContentRow(key, LI, "2026-11"))
    contents.given(requested(), ContentsDropped(month="2026-11")).shows()
    contents.given(requested(), FORGOTTEN).shows()
    contents.given(happened(requested(), at=NOON)).shows(ContentRow(key, LI, "2026-11"))
