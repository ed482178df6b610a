"""What mail servers write back about a mail: delivery status notifications (RFC 3464)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Final
from uuid import UUID

from services.notify.channels import Delivered, Failed, NotUnderstood, Receipt
from services.notify.mail import message_id
from services.notify.providers.reporting import notification_in
from shared.schemas.notify import FailureKind

__all__ = ["receipts_in"]

STATUS: Final = re.compile(r"\s*([245])\.\d{1,3}\.\d{1,3}")
ADDRESSED: Final = re.compile(r"[+=-]([0-9a-f]{32})@")
"""As `return_path` has the notification, and in the addresses that servers make of it."""

GIVEN_BACK: Final = frozenset({"message/rfc822", "text/rfc822-headers"})

_parser = BytesParser(EmailMessage, policy=policy.default)


def receipts_in(content: bytes, provider: str, domain: str) -> list[Receipt]:
    """One for each recipient whom it has a last word on; none where a mail is late, or was handed on to a server that
    sends no receipts. Raises NotUnderstood where it is about no mail of ours."""
    mail = _parser.parsebytes(content)
    groups = list(_groups(mail))
    if not groups:
        raise NotUnderstood("no delivery status")
    notification_id = _about(mail, groups, domain)
    if notification_id is None:
        raise NotUnderstood("about no mail of ours")
    receipts: list[Receipt] = []
    for group in groups:
        outcome = _outcome(group)
        if outcome is not None:
            receipts.append(
                Receipt(
                    provider=provider,
                    provider_message_id=message_id(notification_id, domain),
                    notification_id=notification_id,
                    outcome=outcome,
                    at=_at(mail),
                )
            )
    return receipts


def _groups(mail: EmailMessage) -> Iterator[EmailMessage]:
    """Fields of the mail, and of each recipient."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            for group in part.get_payload():
                if isinstance(group, EmailMessage):
                    yield group


def _outcome(group: EmailMessage) -> Delivered | Failed | None:
    status = STATUS.match(str(group["Status"] or ""))
    match str(group["Action"] or "").strip().lower():
        case "delivered":
            return Delivered()
        case "failed":
            kind = FailureKind.TEMPORARY if status and status[1] == "4" else FailureKind.PERMANENT
            return Failed(kind, f"smtp {status[0].strip()}" if status else "smtp failed")
        case _:
            return None


def _about(mail: EmailMessage, groups: list[EmailMessage], domain: str) -> UUID | None:
    """By the envelope's id, by the address it came to, or by the mail that it gives back."""
    for group in groups:
        if (own := notification_in(str(group["Original-Envelope-Id"] or "").strip())) is not None:
            return own
    for name in ("Delivered-To", "X-Original-To", "To"):
        for address in mail.get_all(name, []):
            if (named := ADDRESSED.search(str(address))) is not None:
                return notification_in(named[1])
    returned = re.compile(rf"<([0-9a-f-]{{36}})@{re.escape(domain)}>")
    given_back = [part for part in mail.walk() if part.get_content_type() in GIVEN_BACK]
    named = next((match for part in given_back if (match := returned.search(str(part)))), None)
    return notification_in(named[1]) if named else None


def _at(mail: EmailMessage) -> datetime:
    """When it was written; now where it does not say."""
    date = getattr(mail["Date"], "datetime", None)
    return date if isinstance(date, datetime) and date.tzinfo is not None else datetime.now(UTC)
