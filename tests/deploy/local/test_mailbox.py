"""The local mailbox: what it keeps, once, and how people read it."""

import smtplib
import subprocess
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.local.folder import FolderBusy
from deploy.local.mail_folder import MailFolder, mails_in
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.sinks import MailboxServer


def mail(number: int, text: str = "额度100,000元。") -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = f"<{number}@nanxun.example>"
    message["Date"] = "Tue, 24 Nov 2026 09:30:00 +0800"
    message["From"] = "南浔区总工会 <notify@nanxun.example>"
    message["To"] = "张建国 <zhang@example.cn>"
    message["Subject"] = "您的匠心贷已获批准"
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    return message


def post(mailbox: MailboxServer, *messages: EmailMessage) -> None:
    with smtplib.SMTP(LOOPBACK, mailbox.port) as smtp:
        for message in messages:
            smtp.send_message(message, "bounces@nanxun.example", ["zhang@example.cn"])


def files(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.glob(f"*{ending}"))


def test_a_mail_is_kept_as_it_came_and_as_people_read_it(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        post(mailbox, mail(1))
    (kept,), (readable,) = files(tmp_path / "mail", ".eml"), files(tmp_path / "mail", ".txt")
    arrived = message_from_bytes(kept.read_bytes(), _class=EmailMessage, policy=policy.default)
    assert (arrived["Return-Path"], arrived["Delivered-To"]) == ("<bounces@nanxun.example>", "zhang@example.cn")
    assert arrived["Subject"] == "您的匠心贷已获批准"
    assert readable.read_text() == (
        "主题: 您的匠心贷已获批准\n发件人: 南浔区总工会 <notify@nanxun.example>\n"
        "收件人: 张建国 <zhang@example.cn>\n时间: 2026-11-24 09:30:00\n\n额度100,000元。\n"
    )
    assert {path.stat().st_mode & 0o777 for path in (kept, readable)} == {0o600}


def test_a_repeated_message_id_is_kept_once_and_counted_also_by_the_next_process(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        post(mailbox, mail(1), mail(2), mail(1, "别的内容"))
        mailbox.restart()
        post(mailbox, mail(1), mail(3))
    assert [kept.message_id[1] for kept in mails_in(tmp_path / "mail")] == ["3", "2", "1"]
    folder = MailFolder(tmp_path / "mail")
    assert sorted(folder.repeats.values()) == [2]
    folder.close()


def test_mails_without_an_id_go_by_their_content(tmp_path: Path) -> None:
    one, other = mail(1, "一"), mail(2, "二")
    del one["Message-ID"], other["Message-ID"]
    one.set_boundary("same")
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        post(mailbox, one, one, other)
    assert len(files(tmp_path / "mail", ".eml")) == 2


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        post(mailbox, mail(1))
        mailbox.kill()
        (readable,) = files(tmp_path / "mail", ".txt")
        readable.unlink()
        (tmp_path / "mail" / "20261124T013000.000000Z-half.eml.new").write_text("cut short")
        mailbox.start()
        post(mailbox, mail(1), mail(2))
    assert len(files(tmp_path / "mail", ".eml")) == len(files(tmp_path / "mail", ".txt")) == 2
    assert files(tmp_path / "mail", ".new") == []


def test_it_tells_senders_that_a_repeat_is_taken_once(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox, smtplib.SMTP(LOOPBACK, mailbox.port) as smtp:
        smtp.ehlo()
        assert smtp.has_extn("x-once")


def test_two_mailboxes_never_keep_one_folder(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()):
        with pytest.raises(FolderBusy):
            MailFolder(tmp_path / "mail")
        program = [
            sys.executable,
            "-m",
            "deploy.local.mailbox",
            "--port",
            str(free_port()),
            "--dir",
            str(tmp_path / "mail"),
        ]
        second = subprocess.run(program, check=False, capture_output=True, text=True)
    assert second.returncode != 0
    assert "another process keeps" in second.stderr


def test_its_log_names_nobody(tmp_path: Path) -> None:
    with MailboxServer(tmp_path / "mail", free_port()) as mailbox:
        post(mailbox, mail(1))
    log = mailbox.log.read_text()
    assert "mailbox is open" in log
    assert "zhang" not in log
