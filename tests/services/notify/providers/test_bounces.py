"""What mail servers write back about a mail, as they write it."""

from datetime import UTC, datetime

import pytest

from services.notify.channels import Call, Delivered, Failed, NotUnderstood, Receipt
from services.notify.providers.smtp import Security, SmtpAccount, SmtpProvider
from shared.schemas.ids import new_id
from shared.schemas.notify import FailureKind
from tests.services.notify.providers.messages import Heard
from tests.services.notify.providers.test_smtp import email
from tests.services.notify.smtp_peer import smtp_peer

OWN = new_id()
AT = datetime(2026, 11, 24, 0, 50, tzinfo=UTC)
POSTFIX = """\
Return-Path: <>
Date: Tue, 24 Nov 2026 08:50:00 +0800
From: MAILER-DAEMON@mx.example.cn (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

<zhang@example.cn>: user unknown

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.cn
{envelope}
Final-Recipient: rfc822; zhang@example.cn
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <zhang@example.cn>: user unknown

--b
Content-Type: text/rfc822-headers

Message-ID: <{returned}>
Subject: x

--b--
"""


def bounce(
    action: str = "failed",
    status: str = "5.1.1",
    envelope: str = "",
    to: str = "bounces@nanxun.example",
    returned: str = "1@elsewhere.example",
) -> bytes:
    fields = {"action": action, "status": status, "to": to, "returned": returned}
    text = POSTFIX.format(envelope=f"Original-Envelope-Id: {envelope}\n" if envelope else "", **fields)
    return text.encode()


def provider(port: int = 9, key: str | None = "of-a-test") -> SmtpProvider:
    given = {
        "host": "127.0.0.1",
        "port": port,
        "security": Security.NONE,
        "from_address": "notify@nanxun.example",
        "callback_key": key,
    }
    return SmtpProvider(SmtpAccount.model_validate(given))


async def heard_of(content: bytes) -> list[Receipt]:
    heard, smtp = Heard(), provider()
    await smtp.called(Call({}, "message/rfc822", content), heard)
    assert all(isinstance(report, Receipt) for report in heard.reports)
    return [report for report in heard.reports if isinstance(report, Receipt)]


@pytest.mark.parametrize(
    "about",
    [
        {"envelope": OWN.hex},
        {"to": f"bounces+{OWN.hex}@nanxun.example"},
        {"returned": f"{OWN}@nanxun.example"},
    ],
)
async def test_a_bounce_is_known_by_envelope_by_address_or_by_the_mail_it_gives_back(about: dict[str, str]) -> None:
    assert await heard_of(bounce(**about)) == [
        Receipt(
            provider="smtp",
            provider_message_id=f"<{OWN}@nanxun.example>",
            notification_id=OWN,
            outcome=Failed(FailureKind.PERMANENT, "smtp 5.1.1"),
            at=AT,
        )
    ]


@pytest.mark.parametrize(
    ("action", "status", "outcome"),
    [
        ("failed", "4.4.7", Failed(FailureKind.TEMPORARY, "smtp 4.4.7")),
        ("failed", "", Failed(FailureKind.PERMANENT, "smtp failed")),
        ("delivered", "2.0.0", Delivered()),
        ("relayed", "2.0.0", None),
        ("delayed", "4.2.2", None),
    ],
)
async def test_only_a_last_word_is_a_receipt(action: str, status: str, outcome: Delivered | Failed | None) -> None:
    receipts = await heard_of(bounce(action, status, envelope=OWN.hex))
    assert [receipt.outcome for receipt in receipts] == ([] if outcome is None else [outcome])


@pytest.mark.parametrize("content", [b"", b"Subject: I am away\r\n\r\nuntil Monday", bounce(), b"\xff\x00" * 100])
async def test_what_is_about_no_mail_of_ours_is_not_understood(content: bytes) -> None:
    with pytest.raises(NotUnderstood):
        await heard_of(content)


async def test_receipts_are_asked_for_where_somebody_reads_them_and_the_server_offers_them() -> None:
    async with smtp_peer(dsn=True) as peer:
        smtp, silent = provider(peer.port), provider(peer.port, key=None)
        mail = email()
        await smtp.send(mail)
        assert peer.asked == ["RET=HDRS", f"ENVID={mail.notification_id.hex.upper()}", "NOTIFY=SUCCESS,FAILURE"]
        await silent.send(email())
        assert len(peer.asked) == 3
        await smtp.close()
        await silent.close()
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        await smtp.send(email())
        await smtp.close()
        assert (len(peer.taken), peer.asked) == (1, [])
