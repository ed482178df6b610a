"""An email as bytes: the same message always gives the same ones."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from uuid import UUID

from services.notify.channels import Email
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["BadAddress", "address_on_the_wire", "compose", "message_id"]


BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


class BadAddress(ValueError):
    """Not an email address."""


def message_id(notification_id: UUID, domain: str) -> str:
    """The `Message-ID` of a notification, by which its receivers recognise a repeat."""
    return f"<{notification_id}@{domain}>"


def address_on_the_wire(text: str) -> str:
    """`local@domain` with the domain in ASCII (IDNA). Raises BadAddress."""
    local, _, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
        # `Address` parses ASCII alone, and letters beyond it may stand wherever ASCII ones do (RFC 6531).
        plain = BEYOND_ASCII.sub("x", local)
        parsed = Address(addr_spec=f"{plain}@{domain}")
    except (ValueError, IndexError, MessageError) as error:
        raise BadAddress("not an email address") from error
    if not parsed.domain or parsed.username != plain or not plain or not local.isprintable():
        raise BadAddress("not an email address")
    return f"{local}@{domain}"


def compose(email: Email, from_address: str) -> bytes:
    """Text with HTML as its alternative; 中文 headers as RFC 2047 has them, or in UTF-8 (RFC 6532) where the
    recipient's own address is not ASCII. Raises BadAddress."""
    to = address_on_the_wire(email.to)
    message = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    message["Message-ID"] = message_id(email.notification_id, Address(addr_spec=from_address).domain)
    message["Date"] = email.at.astimezone(SHANGHAI)
    message["From"] = Address(_one_line(email.from_name), addr_spec=from_address)
    local, _, domain = to.rpartition("@")
    message["To"] = Address(_one_line(email.to_name), local, domain)
    message["Subject"] = _one_line(email.subject)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(email.text, cte="base64")
    message.add_alternative(email.html, subtype="html", cte="base64")
    message.set_boundary(f"=_{email.notification_id.hex}")
    return message.as_bytes()


def _one_line(text: str) -> str:
    return " ".join(text.split())
