"""Emails as bytes."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels import Email
from services.notify.mail import compose

FROM = "notify@nanxun.example"
words = st.text(
    st.one_of(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), st.sampled_from("，。“”（）：𠮷 aZ0=?_<>@;\"'\\\n")
    ),
    min_size=1,
    max_size=80,
).filter(str.strip)


def email(subject: str, name: str, text: str, identity: UUID) -> Email:
    return Email(
        notification_id=identity,
        to="zhang@example.cn",
        to_name=name,
        subject=subject,
        text=text,
        html=f"<p>{text}</p>",
        from_name="南浔区总工会",
        at=datetime(2026, 11, 24, tzinfo=UTC),
    )


def recipient_as_read(sent: bytes) -> tuple[str, str]:
    # The newer policy's own reader puts a space between the encoded words of a long display name.
    name, address = parseaddr("".join(message_from_bytes(sent)["To"].splitlines()))
    return str(make_header(decode_header(name))), address


@given(subject=words, name=words, text=words, identity=st.uuids())
def test_any_chinese_words_come_through_ascii_headers_and_one_mail_is_always_the_same_bytes(
    subject: str, name: str, text: str, identity: UUID
) -> None:
    sent = compose(email(subject, name, text, identity), FROM)
    assert sent.isascii()
    assert sent == compose(email(subject, name, text, identity), FROM)
    arrived = message_from_bytes(sent, _class=EmailMessage, policy=policy.default)
    body = arrived.get_body(("plain",))
    assert body is not None
    assert arrived["Subject"] == " ".join(subject.split())
    assert recipient_as_read(sent) == (" ".join(name.split()), "zhang@example.cn")
    assert body.get_content().rstrip("\r\n").replace("\r\n", "\n") == text.rstrip("\n")
