"""The page on which a person reads the messages that stayed on this machine."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.local.mail_folder import Mail
from deploy.local.sms_log import Message
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["POLICY", "page"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Nothing is loaded from anywhere, and no script runs, whatever a mail holds."""


def page(texts: Iterable[Message], mails: Iterable[Mail], words: str, limit: int) -> str:
    """HTML with the newest `limit` of each that hold these words, in a number, name, subject or text."""
    found_texts = [sms for sms in texts if not words or words in sms.to or words in sms.text]
    found_mails = [mail for mail in mails if not words or any(words in part for part in _searched(mail))]
    by_number: dict[str, list[Message]] = {}
    for sms in islice(found_texts, limit):
        by_number.setdefault(sms.to, []).append(sms)
    return _pages.get_template("messages.html.j2").render(
        conversations=by_number,
        mails=found_mails[:limit],
        texts=len(found_texts),
        letters=len(found_mails),
        words=words,
        limit=limit,
    )


def _searched(mail: Mail) -> tuple[str, ...]:
    return mail.to, mail.addressee, mail.subject, mail.text


def _when(instant: datetime) -> str:
    """As people in China write it: 11月24日 09:30."""
    local = instant.astimezone(SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters["when"] = _when
