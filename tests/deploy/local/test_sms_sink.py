"""The local SMS sink: what it keeps, once, and the page on which people read it."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from deploy.local.folder import FolderBusy
from deploy.local.mail_folder import MailFolder
from deploy.local.ports import free_port
from deploy.local.sinks import MailboxServer, SmsSinkServer
from deploy.local.sms_log import SmsLog
from shared.schemas.ids import new_id
from tests.deploy.local.test_mailbox import mail, post


def posted(out_id: UUID, text: str = "【南浔区总工会】张建国您好。", to: str = "13867201234") -> dict[str, str]:
    return {"out_id": str(out_id), "to": to, "text": text, "at": "2026-11-24T01:30:00Z"}


def test_a_repeated_out_id_is_kept_once_and_counted_also_by_the_next_process(tmp_path: Path) -> None:
    one = new_id()
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink, httpx.Client(base_url=sink.url) as http:
        first = http.post("messages", json=posted(one))
        second = http.post("messages", json=posted(one, "【南浔区总工会】别的内容。"))
        sink.restart()
        third = http.post("messages", json=posted(one))
        (listed,) = http.get("messages", params={"out_id": str(one)}).json()["messages"]
    assert [reply.status_code for reply in (first, second, third)] == [201, 200, 200]
    assert {reply.json()["message_id"] for reply in (first, second, third)} == {listed["message_id"]}
    assert (listed["text"], listed["repeats"]) == ("【南浔区总工会】张建国您好。", 2)
    assert (tmp_path / "sms" / "messages.txt").read_text() == (
        "2026-11-24 09:30:00  13867201234\n【南浔区总工会】张建国您好。\n\n"
    )


def test_what_was_acknowledged_outlives_a_kill_and_a_line_cut_short_is_forgotten(tmp_path: Path) -> None:
    one, two = new_id(), new_id()
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink, httpx.Client(base_url=sink.url) as http:
        http.post("messages", json=posted(one))
        sink.kill()
        with (tmp_path / "sms" / "messages.jsonl").open("a") as file:
            file.write('{"out_id": "0198')
        sink.start()
        assert http.post("messages", json=posted(two)).status_code == 201
        sink.kill()
        sink.start()
        listed = http.get("messages").json()["messages"]
    assert [message["out_id"] for message in listed] == [str(two), str(one)]


def test_listings_go_by_number_and_by_length(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink, httpx.Client(base_url=sink.url) as http:
        for number in range(4):
            http.post("messages", json=posted(new_id(), to=f"1386720000{number % 2}"))
        assert len(http.get("messages").json()["messages"]) == 4
        assert len(http.get("messages", params={"to": "13867200001"}).json()["messages"]) == 2
        assert len(http.get("messages", params={"limit": 3}).json()["messages"]) == 3
        assert http.get("messages", params={"out_id": str(new_id())}).json()["messages"] == []


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"content": b"out_id=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"json": {"out_id": "1"}}, 422),
        ({"json": posted(new_id(), text="没有签名")}, 422),
        ({"json": posted(new_id()) | {"template": "x" * 20_000}}, 413),
    ],
)
def test_what_is_no_message_is_refused(tmp_path: Path, wrong: dict[str, object], status: int) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        assert httpx.post(f"{sink.url}messages", **wrong).status_code == status  # type: ignore[arg-type]
        assert httpx.get(f"{sink.url}messages").json()["messages"] == []
        assert httpx.get(f"{sink.url}messages?out_id=1").status_code == 422


def test_people_read_messages_and_mails_on_one_page_and_find_theirs(tmp_path: Path) -> None:
    with (
        MailboxServer(tmp_path / "mail", free_port()) as mailbox,
        SmsSinkServer(tmp_path / "sms", free_port(), tmp_path / "mail") as sink,
        httpx.Client(base_url=sink.url) as http,
    ):
        post(mailbox, mail(1))
        http.post("messages", json=posted(new_id()))
        http.post(
            "messages", json=posted(new_id(), "【南浔区总工会】李秀英您好。<script>alert(1)</script>", "13905720088")
        )
        page, found = http.get("").text, http.get("", params={"q": "李秀英"}).text
        (listed,) = http.get("mails", params={"to": "zhang@example.cn"}).json()["mails"]
        policy = http.get("").headers["content-security-policy"]
    assert "张建国您好。" in page
    assert "2026年11月24日 09:30" in page
    assert "您的匠心贷已获批准" in page
    assert "<script>" not in page
    assert "default-src 'none'" in policy
    assert "13905720088" in found
    assert "13867201234" not in found
    assert "没有邮件" in found
    assert (listed["subject"], listed["message_id"]) == ("您的匠心贷已获批准", "<1@nanxun.example>")


def test_a_name_from_elsewhere_that_points_here_is_not_answered(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        assert httpx.get(sink.url, headers={"Host": "elsewhere.example"}).status_code == 400


def test_its_log_names_nobody(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        httpx.post(f"{sink.url}messages", json=posted(new_id()))
        httpx.get(f"{sink.url}messages?to=13867201234")
        httpx.post(f"{sink.url}messages", json=posted(new_id(), to="1386720123x"))
    assert "1386720" not in sink.log.read_text()


async def test_one_process_keeps_a_folder(tmp_path: Path) -> None:
    log = SmsLog(tmp_path / "kept")
    with pytest.raises(FolderBusy):
        MailFolder(tmp_path / "kept")
    log.close()
    MailFolder(tmp_path / "kept").close()
