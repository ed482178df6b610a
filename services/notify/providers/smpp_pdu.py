"""SMPP 3.4 on the wire: what a sender of text messages needs of it (sections 3 to 5 of the specification)."""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

__all__ = [
    "OK",
    "RESPONSE",
    "Command",
    "Deliver",
    "MalformedPdu",
    "Pdu",
    "Tag",
    "bind_body",
    "first_text",
    "submit_body",
]

HEADER: Final = struct.Struct(">IIII")
LARGEST: Final = 64 * 1024 + 1024
"""Bytes of a PDU: a message_payload may have 64 KiB."""
VERSION: Final = 0x34
RESPONSE: Final = 0x80000000
OK: Final = 0
LONGEST_SHORT: Final = 140
"""Octets that go in short_message; longer texts are message_payload, which the SMSC divides."""
UCS2: Final = 8
HAS_HEADER: Final = 0x40


class Command(IntEnum):
    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_TRANSMITTER = 0x00000002
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    ENQUIRE_LINK = 0x00000015


class Tag(IntEnum):
    """Of optional parameters."""

    RECEIPTED_MESSAGE_ID = 0x001E
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class MalformedPdu(ValueError):
    """Bytes that are no SMPP."""


@dataclass(frozen=True, slots=True)
class Pdu:
    command: int
    status: int
    sequence: int
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Pdu(0x{self.command:08X}, 0x{self.status:08X}, {self.sequence}, {len(self.body)} bytes)"

    def encode(self) -> bytes:
        return HEADER.pack(HEADER.size + len(self.body), self.command, self.status, self.sequence) + self.body

    def response(self, status: int = OK, body: bytes = b"") -> "Pdu":
        return Pdu(self.command | RESPONSE, status, self.sequence, body)

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Self:
        """The next one. Raises MalformedPdu, and IncompleteReadError where the connection ends."""
        length, command, status, sequence = HEADER.unpack(await reader.readexactly(HEADER.size))
        if not HEADER.size <= length <= LARGEST:
            raise MalformedPdu(f"a length of {length}")
        return cls(command, status, sequence, await reader.readexactly(length - HEADER.size))


class _Fields:
    """Reads a body from its beginning. Raises MalformedPdu where it ends before a field does."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def text(self, longest: int) -> str:
        """A C-Octet String of so many octets at most, with its NUL."""
        end = self._body.find(b"\0", self._at, self._at + longest)
        if end < 0:
            raise MalformedPdu("a string without end")
        text, self._at = self._body[self._at : end], end + 1
        return text.decode("latin-1")

    def octets(self, count: int) -> bytes:
        octets = self._body[self._at : self._at + count]
        if len(octets) < count:
            raise MalformedPdu("a body cut short")
        self._at += count
        return octets

    def byte(self) -> int:
        return self.octets(1)[0]

    def parameters(self) -> dict[int, bytes]:
        """Optional ones, to the end."""
        found: dict[int, bytes] = {}
        while self._at < len(self._body):
            tag, length = struct.unpack(">HH", self.octets(4))
            found[tag] = self.octets(length)
        return found


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    return b"".join([_text(system_id, 16), _text(password, 9), _text(system_type, 13), bytes([VERSION, 0, 0]), b"\0"])


def submit_body(source: str, destination: str, text: str) -> bytes:
    """To an international number without its plus, as UTF-16; a receipt is asked for."""
    content = text.encode("utf-16-be")
    short = content if len(content) <= LONGEST_SHORT else b""
    head = [b"\0", bytes([0, 1]), _text(source, 21), bytes([1, 1]), _text(destination, 21)]
    head += [bytes(3), b"\0\0", bytes([1, 0, UCS2, 0, len(short)]), short]
    return b"".join(head) + (b"" if short else struct.pack(">HH", Tag.MESSAGE_PAYLOAD, len(content)) + content)


def first_text(body: bytes) -> str:
    """The message id of a response; empty where there is none."""
    return _Fields(body).text(65) if body else ""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message or a receipt from the SMSC."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    content: bytes
    parameters: Mapping[int, bytes]

    def __repr__(self) -> str:
        return f"Deliver({len(self.content)} bytes)"

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Raises MalformedPdu."""
        fields = _Fields(body)
        fields.text(6)
        fields.octets(2)
        source = fields.text(21)
        fields.octets(2)
        destination = fields.text(21)
        esm_class, _, _ = fields.octets(3)
        fields.text(17)
        fields.text(17)
        _, _, data_coding, _ = fields.octets(4)
        short = fields.octets(fields.byte())
        parameters = fields.parameters()
        content = short or parameters.get(Tag.MESSAGE_PAYLOAD, b"")
        return cls(source, destination, esm_class, data_coding, content, parameters)

    @property
    def is_receipt(self) -> bool:
        return self.esm_class & 0x3C == 0x04

    @property
    def text(self) -> str:
        """Without the header of a part of a longer one. Octets that say nothing in their coding become U+FFFD."""
        content = self.content
        if self.esm_class & HAS_HEADER and content:
            content = content[1 + content[0] :]
        return content.decode(_CODINGS.get(self.data_coding, "latin-1"), "replace")


_CODINGS: Final = {
    0: "latin-1",
    1: "ascii",
    3: "latin-1",
    UCS2: "utf-16-be",
    15: "gb18030",
}  # 15 is GB at mainland carriers


def _text(text: str, longest: int) -> bytes:
    """A C-Octet String. Raises ValueError where it has no room."""
    octets = text.encode("latin-1") + b"\0"
    if len(octets) > longest or b"\0" in octets[:-1]:
        raise ValueError(f"{longest - 1} octets at most")
    return octets
