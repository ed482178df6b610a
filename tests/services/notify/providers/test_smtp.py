"""Email by SMTP towards a server that speaks the protocol and fails to order."""

import asyncio
import signal
import ssl
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.local.mail_folder import mails_in
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.sinks import MailboxServer
from services.notify.channels import Email, OutcomeUnknown, Permanent, SendingRefused, Technical, Temporary
from services.notify.providers.smtp import Security, SmtpProvider, SmtpSettings
from shared.schemas.ids import new_id
from tests.services.notify.smtp_peer import Fault, smtp_peer
from tests.waiting import until

MORNING = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
FROM = "notify@nanxun.example"


def email(to: str = "zhang@example.cn", subject: str = "您的匠心贷已获批准") -> Email:
    return Email(
        notification_id=new_id(),
        to=to,
        to_name="张建国",
        subject=subject,
        text="额度100,000元。\n",
        html="<p>额度<b>100,000元</b>。</p>\n",
        from_name="南浔区总工会",
        at=MORNING,
    )


def provider(port: int, *, timeout: float = 5, return_path: str | None = None) -> SmtpProvider:
    return SmtpProvider(
        SmtpSettings(
            host=LOOPBACK,
            port=port,
            security=Security.NONE,
            from_address=FROM,
            return_path=return_path,
            timeout=timeout,
        )
    )


async def test_a_mail_arrives_as_people_read_it() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port, return_path="bounces+{id}@nanxun.example")
        mail = email()
        sent = await smtp.send(mail)
        await smtp.close()
    arrived = message_from_bytes(peer.taken[0], _class=EmailMessage, policy=policy.default)
    text, html = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert text is not None
    assert html is not None
    assert sent.provider_message_id == arrived["Message-ID"] == f"<{mail.notification_id}@nanxun.example>"
    assert arrived["Subject"] == "您的匠心贷已获批准"
    assert arrived["From"] == f"南浔区总工会 <{FROM}>"
    assert arrived["To"] == "张建国 <zhang@example.cn>"
    assert arrived["Date"].datetime == MORNING
    assert text.get_content().split() == ["额度100,000元。"]
    assert "<b>100,000元</b>" in html.get_content()
    assert peer.taken[0].isascii()
    assert peer.senders == [f"bounces+{mail.notification_id.hex}@nanxun.example"]


async def test_an_address_in_chinese_goes_to_a_server_that_takes_such() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        await smtp.send(email(to="张建国@例子.cn"))
        await smtp.close()
    assert peer.recipients == ["张建国@xn--fsqu00a.cn"]


@pytest.mark.parametrize(
    "nonsense", ["", "zhang", "zhang@", "@example.cn", "a@b@c.cn", "zhang@exa\r\nmple.cn", "x y@b.cn"]
)
async def test_what_is_no_address_is_refused_for_good(nonsense: str) -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        with pytest.raises(Permanent):
            await smtp.send(email(to=nonsense))
        await smtp.close()
    assert peer.taken == []


async def test_one_connection_carries_mails_that_come_one_by_one_and_a_few_those_that_come_at_once() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        for _ in range(5):
            await smtp.send(email())
        assert (len(peer.taken), peer.connections) == (5, 1)
        await asyncio.gather(*(smtp.send(email()) for _ in range(20)))
        await smtp.close()
    assert len(peer.taken) == 25
    assert peer.connections == smtp.at_once == 4


async def test_a_connection_that_the_server_closed_is_renewed() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        await smtp.send(email())
        peer.hang_up()
        await smtp.send(email())
        await smtp.close()
    assert len(peer.taken) == 2
    assert peer.connections == 2


@pytest.mark.parametrize("end", ["421 4.7.0 enough mail on this connection", Fault.DROP])
async def test_a_kept_connection_that_ends_with_the_next_mail_is_renewed(end: str | Fault) -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        await smtp.send(email())
        peer.order("MAIL", end)
        await smtp.send(email())
        await smtp.close()
    assert len(peer.taken) == 2
    assert peer.connections == 2


@pytest.mark.parametrize(
    ("verb", "reply", "error", "reason"),
    [
        ("MAIL", "452 4.3.1 no room", Technical, "smtp 452 4.3.1"),
        ("MAIL", "550 5.7.1 we do not serve you", Technical, "smtp 550 5.7.1"),
        ("RCPT", "450 4.2.2 <zhang@example.cn> mailbox full", Temporary, "smtp 450 4.2.2"),
        ("RCPT", "550 5.1.1 <zhang@example.cn> user unknown", Permanent, "smtp 550 5.1.1"),
        ("RCPT", "530 authentication required", Technical, "smtp 530"),
        ("DATA", "451 4.3.0 try later", Temporary, "smtp 451 4.3.0"),
        ("DATA", "554 5.6.0 zhang@example.cn refuses it", Permanent, "smtp 554 5.6.0"),
    ],
)
async def test_a_refusal_is_classified_names_nobody_and_leaves_the_way_open(
    verb: str, reply: str, error: type[SendingRefused], reason: str
) -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        peer.order(verb, reply)
        with pytest.raises(error) as refused:
            await smtp.send(email())
        await smtp.send(email())
        await smtp.close()
    assert refused.value.reason == str(refused.value) == reason
    assert len(peer.taken) == 1


async def test_a_server_that_cannot_be_reached_is_a_technical_failure() -> None:
    smtp = provider(free_port())
    with pytest.raises(Technical):
        await smtp.send(email())


async def test_a_connection_lost_before_the_content_sent_nothing() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        peer.order("RCPT", Fault.DROP)
        with pytest.raises(Technical):
            await smtp.send(email())
        await smtp.close()
    assert peer.taken == []


lost = pytest.mark.parametrize("fault", [Fault.DROP, Fault.TAKE_AND_DROP, Fault.TAKE_AND_KEEP_SILENT])


@lost
async def test_a_mail_whose_outcome_is_unknown_is_not_sent_again_to_an_ordinary_server(fault: Fault) -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port, timeout=1)
        mail = email()
        peer.order("DATA", fault)
        with pytest.raises(OutcomeUnknown):
            await smtp.send(mail)
        taken = len(peer.taken)
        with pytest.raises(OutcomeUnknown, match="cannot be asked"):
            await smtp.settle(mail, mail.at)
        assert len(peer.taken) == taken
        await smtp.send(email())
        await smtp.close()


@lost
async def test_a_mail_whose_outcome_is_unknown_is_sent_again_to_a_server_that_takes_repeats_once(fault: Fault) -> None:
    async with smtp_peer(once=True) as peer:
        smtp = provider(peer.port, timeout=1)
        mail = email()
        peer.order("DATA", fault)
        with pytest.raises(OutcomeUnknown):
            await smtp.send(mail)
        sent = await smtp.settle(mail, mail.at)
        await smtp.close()
    assert sent.provider_message_id == f"<{mail.notification_id}@nanxun.example>"
    assert len(set(peer.taken)) == 1  # byte for byte the same


@pytest.mark.parametrize(
    ("verb", "replies"),
    [("RCPT", ["450 4.2.2 later"]), ("DATA", ["554 5.6.0 no"]), ("MAIL", [Fault.DROP, Fault.DROP])],
)
async def test_a_refusal_says_nothing_of_the_attempt_before(verb: str, replies: list[str | Fault]) -> None:
    async with smtp_peer(once=True) as peer:
        smtp = provider(peer.port)
        peer.order(verb, *replies)
        with pytest.raises(OutcomeUnknown):
            await smtp.settle(email(), MORNING)
        await smtp.close()


async def test_a_sending_that_is_given_up_leaves_no_reply_behind_for_the_next() -> None:
    async with smtp_peer() as peer:
        smtp = provider(peer.port)
        peer.order("DATA", Fault.TAKE_AND_KEEP_SILENT)
        sending = asyncio.create_task(smtp.send(email()))
        await until(lambda: len(peer.taken) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        second = email()
        sent = await smtp.send(second)
        await smtp.close()
    assert str(second.notification_id) in sent.provider_message_id
    assert len(peer.taken) == 2


async def test_a_sender_killed_after_the_servers_yes_and_before_its_record_leaves_one_mail(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        mail = email()
        program = f"""
import asyncio, os, signal
from uuid import UUID
from dataclasses import replace
from tests.services.notify.providers.test_smtp import email, provider
async def send():
    await provider({mailbox.port}).send(replace(email(), notification_id=UUID({str(mail.notification_id)!r})))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(send())
"""
        sender = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        assert await sender.wait() == -signal.SIGKILL
        smtp = provider(mailbox.port)
        await smtp.settle(mail, mail.at)
        await smtp.close()
    (kept,) = mails_in(tmp_path / "mail")
    assert kept.message_id == f"<{mail.notification_id}@nanxun.example>"


async def test_an_address_that_has_become_none_says_nothing_of_an_attempt() -> None:
    async with smtp_peer(once=True) as peer:
        smtp = provider(peer.port)
        with pytest.raises(OutcomeUnknown):
            await smtp.settle(email(to="zhang"), MORNING)
        await smtp.close()
    assert peer.taken == []


def test_a_password_does_not_travel_in_clear() -> None:
    with pytest.raises(ValidationError, match="does not travel in clear"):
        SmtpSettings(security=Security.NONE, username="notify", password="right", from_address=FROM)


def sealed(
    port: int,
    ca_file: Path | None,
    password: str = "right",
    security: Security = Security.STARTTLS,
    host: str = LOOPBACK,
) -> SmtpProvider:
    return SmtpProvider(
        SmtpSettings(
            host=host,
            port=port,
            username="notify",
            password=password,
            from_address=FROM,
            ca_file=ca_file,
            security=security,
            timeout=5,
        )
    )


async def test_with_starttls_the_password_is_given_once_a_connection(
    certificate: Path, tls_of_server: ssl.SSLContext
) -> None:
    async with smtp_peer(tls=tls_of_server) as peer:
        smtp = sealed(peer.port, certificate)
        await smtp.send(email())
        await smtp.send(email())
        await smtp.close()
    assert len(peer.taken) == 2
    assert peer.logins == 1


# All of it is TLS.
no_starttls = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


@no_starttls
async def test_with_tls_from_the_first_byte_the_password_is_given_once_a_connection(
    certificate: Path, tls_of_server: ssl.SSLContext
) -> None:
    async with smtp_peer(tls=tls_of_server, implicit=True) as peer:
        smtp = sealed(peer.port, certificate, security=Security.TLS)
        await smtp.send(email())
        await smtp.send(email())
        peer.hang_up()
        await smtp.send(email())
        await smtp.close()
    assert len(peer.taken) == 3
    assert (peer.connections, peer.logins) == (2, 2)


@no_starttls
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_a_certificate_of_another_name_is_not_believed(
    security: Security, certificate: Path, tls_of_server: ssl.SSLContext
) -> None:
    async with smtp_peer(tls=tls_of_server, implicit=security is Security.TLS) as peer:
        smtp = sealed(peer.port, certificate, security=security, host="localhost")
        with pytest.raises(Technical):
            await smtp.send(email())
    assert peer.logins == 0


async def test_a_wrong_password_is_a_technical_failure(certificate: Path, tls_of_server: ssl.SSLContext) -> None:
    async with smtp_peer(tls=tls_of_server) as peer:
        smtp = sealed(peer.port, certificate, "wrong")
        with pytest.raises(Technical, match="535"):
            await smtp.send(email())
    assert peer.taken == []


async def test_a_server_with_a_certificate_that_nobody_vouches_for_gets_nothing(
    tls_of_server: ssl.SSLContext,
) -> None:
    async with smtp_peer(tls=tls_of_server) as peer:
        smtp = sealed(peer.port, None)
        with pytest.raises(Technical):
            await smtp.send(email())
    assert peer.logins == 0


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with smtp_peer() as peer:
        smtp = sealed(peer.port, None)
        with pytest.raises(Technical):
            await smtp.send(email())
    assert (peer.logins, peer.taken) == (0, [])
