"""Text messages by SMPP 3.4, for a county with a carrier's line of its own.

Messages go out on a session bound as transmitter, and reports come in on another, bound as receiver: the sender and
whoever listens may be different processes. A report is acknowledged once it is kept.

An attempt of unknown outcome: a response that comes late, on the session that is still there, settles it. Otherwise
nobody can be asked: `query_sm` wants the message_id that the lost response would have brought.
"""

import asyncio
import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify.channels import (
    Delivered,
    Hear,
    InboundReply,
    OutcomeUnknown,
    Receipt,
    Report,
    Sent,
    Sms,
    Technical,
    Unknowable,
)
from services.notify.providers.codes import codes_of
from services.notify.providers.numbers import bare, with_country
from services.notify.providers.secret import Secret
from services.notify.providers.smpp_pdu import (
    OK,
    Command,
    Deliver,
    MalformedPdu,
    Pdu,
    Tag,
    bind_body,
    first_text,
    submit_body,
)
from services.notify.providers.smpp_session import BindRefused, Lost, Serve, Session
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.logs import log
from shared.schemas.notify import Channel

__all__ = ["Smpp", "SmppAccount"]

TRY_LATER: Final = 0x00000064
"""ESME_RX_T_APPN: the report could not be kept."""
NEVER: Final = 0x00000065
"""ESME_RX_P_APPN: it is not understood."""
UNDER_WAY: Final = frozenset({"ENROUTE", "ACCEPTD"})
STATES: Final = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
ID = re.compile(r"\bid:(\S{1,64})")
STAT = re.compile(r"\bstat:([A-Z]{2,7})")
DONE = re.compile(r"\bdone date:(\d{10}(?:\d\d)?)\b")

_log = log(__name__)


class SmppAccount(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["smpp"] = "smpp"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 2775
    tls: bool = False
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""
    system_id: Annotated[str, StringConstraints(min_length=1, max_length=15)]
    password: Secret
    """Of 8 characters at most, as the protocol has it."""
    system_type: Annotated[str, StringConstraints(max_length=12)] = ""
    sender: Annotated[str, StringConstraints(pattern=r"^\d{3,20}$")]
    """The number (端口号) that the carrier gave the county."""
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds to connect and bind, and for each response."""


class Smpp:
    channel = Channel.SMS
    at_once = 10

    def __init__(self, account: SmppAccount, name: str = "smpp") -> None:
        self.name = name
        self._account = account
        self._tls = ssl.create_default_context(cafile=account.ca_file) if account.tls else None
        self._body = bind_body(account.system_id, account.password.get_secret_value(), account.system_type)
        self._session: Session | None = None
        self._opening = asyncio.Lock()
        self._late: dict[UUID, asyncio.Future[Pdu]] = {}
        """Responses that somebody once waited for."""

    async def send(self, message: Sms) -> Sent:
        body = submit_body(self._account.sender, with_country(message.to).removeprefix("+"), message.text)
        try:
            answer = (await self._open()).ask(Command.SUBMIT_SM, body)
        except (OSError, TimeoutError) as error:
            raise Technical(f"smpp {type(error).__name__}") from None
        except BindRefused as refused:
            raise Technical(f"smpp bind {refused}") from None
        try:
            async with asyncio.timeout(self._account.timeout):
                return _outcome(await asyncio.shield(answer), message)
        except TimeoutError:
            self._late[message.notification_id] = answer
            raise OutcomeUnknown("smpp: no answer") from None
        except Lost:
            raise OutcomeUnknown("smpp: the connection was lost") from None

    async def settle(self, message: Sms, _begun: datetime) -> Sent:
        answer = self._late.get(message.notification_id)
        if answer is not None and not answer.done():
            raise OutcomeUnknown("smpp: no answer yet")
        self._late.pop(message.notification_id, None)
        if answer is None or answer.exception() is not None:
            raise Unknowable("smpp: the answer is lost")
        return _outcome(answer.result(), message)

    async def listen(self, hear: Hear) -> None:
        """Until the session ends. Raises OSError, TimeoutError and BindRefused where there is none to be had, and Lost
        when it ends: call it again."""
        session = await self._bind(Command.BIND_RECEIVER, _Reports(self.name, hear).serve)
        try:
            await session.over.wait()
            raise Lost
        finally:
            await session.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _open(self) -> Session:
        async with self._opening:
            if self._session is None or self._session.over.is_set():
                self._session = await self._bind(Command.BIND_TRANSMITTER)
            return self._session

    async def _bind(self, command: Command, serve: Serve | None = None) -> Session:
        own = self._account
        return await Session.bind(own.host, own.port, self._tls, command, self._body, own.timeout, serve)


class _Reports:
    """Answers what the SMSC delivers."""

    def __init__(self, provider: str, hear: Hear) -> None:
        self._provider, self._hear = provider, hear

    async def serve(self, pdu: Pdu) -> Pdu:
        try:
            report = _report(self._provider, Deliver.decode(pdu.body))
        except MalformedPdu as error:
            _log.warning("a report is not understood", provider=self._provider, because=str(error))
            return pdu.response(NEVER, b"\0")
        try:
            if report is not None:
                await self._hear([report])
        except Exception as error:
            _log.error("a report is not kept", provider=self._provider, error=type(error).__name__)
            return pdu.response(TRY_LATER, b"\0")
        return pdu.response(OK, b"\0")


def _outcome(answer: Pdu, message: Sms) -> Sent:
    if answer.status != OK or answer.command == Command.GENERIC_NACK:
        raise codes_of("smpp").answered(f"0x{answer.status:08X}")
    with suppress(MalformedPdu):
        if theirs := first_text(answer.body):
            return Sent(theirs)
    return Sent(str(message.notification_id))  # it was taken, and no receipt will name it


def _report(provider: str, delivered: Deliver) -> Report | None:
    """None of a receipt that says that a message is still under way. Raises MalformedPdu."""
    if not delivered.is_receipt:
        number = bare(f"+{delivered.source.removeprefix('+')}")
        return InboundReply(provider=provider, from_number=number, text=delivered.text, at=datetime.now(UTC))
    parameters, text = delivered.parameters, delivered.text
    named, stat, done = ID.search(text), STAT.search(text), DONE.search(text)
    theirs = parameters.get(Tag.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1") or (named and named[1])
    state = STATES.get(int.from_bytes(parameters.get(Tag.MESSAGE_STATE, b""))) or (stat and stat[1])
    if not theirs or not state:
        raise MalformedPdu("a receipt of nothing")
    if state in UNDER_WAY:
        return None
    return Receipt(
        provider=provider,
        provider_message_id=theirs,
        notification_id=None,
        outcome=Delivered() if state == "DELIVRD" else codes_of("smpp").failed(state),
        at=_instant(done[1]) if done else datetime.now(UTC),
    )


def _instant(text: str) -> datetime:
    """`YYMMDDhhmm` and perhaps seconds, in China. Raises MalformedPdu."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S" if len(text) == 12 else "%y%m%d%H%M").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise MalformedPdu("no time") from None
