"""Personal data: each person's fields are sealed with a key of their own, and erased by destroying it.

A person's key (AES-256-GCM) lies in the service's `keys` table, wrapped by a master key and bound to the person.
A field's token is bound to the person, the event and the field: moved elsewhere it does not open. Keys are read
anew for each call, so that none is used after its erasure.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from shared.eventsourcing.connections import Connection, Pool
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rounds import Rounds
from shared.eventsourcing.store import EventStore
from shared.schemas.messages import Event, Reason
from shared.schemas.personal import Personal

__all__ = ["ERASED", "KeyMissing", "Keyring", "NotOfItsType", "SealBroken", "erase_all"]

ERASED: Final = Reason("person_erased", "个人信息保护法 第47条", "此人的个人信息已经删除，不能再登记")

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TOKEN_VERSION: Final = b"\x01"
"""AES-256-GCM: version, nonce, ciphertext and tag, in URL-safe base64 without padding."""

REWRAPPED_AT_ONCE: Final = 1000


class SealBroken(Exception):
    """A token or a wrapped key was altered, moved to another place, or made with another master key."""


class NotOfItsType(Exception):
    """What a token holds is no longer valid for its field: the field's type was narrowed without an upcaster."""


class KeyMissing(Exception):
    """There is no key, nor a trace of its erasure: rows were lost, or the master key was not given."""


type Keys = Mapping[UUID, AESGCM | None]
"""By person; None of one who was erased."""


class MasterKeys:
    """The keys that wrap the persons' keys, each 32 bytes with a number from 0 to 255; `current` wraps new ones.

    A wrapped key is the master's number, a nonce, ciphertext and tag.
    """

    def __init__(self, masters: Mapping[int, bytes], current: int | None = None) -> None:
        for number, master in masters.items():
            if len(master) != KEY_BYTES or number not in range(256):
                raise ValueError("a master key has 32 bytes and a number from 0 to 255")
        self._ciphers = {number: AESGCM(master) for number, master in masters.items()}
        self.current = max(masters) if current is None else current
        if self.current not in self._ciphers:
            raise ValueError(f"there is no master key {self.current}")

    def wrap(self, subject: UUID, key: bytes) -> bytes:
        number, nonce = bytes([self.current]), os.urandom(NONCE_BYTES)
        return number + nonce + self._ciphers[self.current].encrypt(nonce, key, number + subject.bytes)

    def unwrap(self, subject: UUID, wrapped: bytes) -> bytes:
        number, nonce, sealed = wrapped[:1], wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
        master = self._ciphers.get(wrapped[0])
        if master is None:
            raise KeyMissing(f"master key {wrapped[0]}")
        try:
            return master.decrypt(nonce, sealed, number + subject.bytes)
        except InvalidTag:
            raise SealBroken(f"the key of {subject}") from None


class Keyring:
    """The keys of the persons whose data is in one store's log.

    `masters` are 32 bytes each, by number; `current` wraps new keys, the highest number unless said otherwise.
    `keyring.seal` is what a Repository takes as `seal`.
    """

    def __init__(self, store: EventStore, masters: Mapping[int, bytes], current: int | None = None) -> None:
        self._store, self._masters = store, MasterKeys(masters, current)
        self._table = f"{store.schema}.keys"
        self._rounds: Rounds[set[UUID], Keys] = Rounds(set, self._made)

    async def install(self) -> None:
        """Make what is missing in the database."""
        await self._store.install("keys")

    async def seal(self, ids: Sequence[UUID], events: Sequence[Event]) -> Sequence[Event]:
        """Events with their personal fields sealed; a key is made for whoever has none.

        Raises Refused (ERASED) where a person was erased, NotReadable where a field is not clear: a sealed one
        can't be carried over from another event.
        """
        subjects = {_subject(event) for event in events if _personal(event)}
        if not subjects:
            return events
        keys = await self._rounds.ask(lambda wanted: wanted.update(subjects))
        return [_sealed(event, id, keys) if _personal(event) else event for id, event in zip(ids, events, strict=True)]  # noqa: A001

    async def open(self, recorded: Sequence[Recorded]) -> list[Event]:
        """Their events with personal fields in clear, or erased. One query. Raises SealBroken, KeyMissing."""
        subjects = {_subject(one.event) for one in recorded if _tokens(one.event)}
        if not subjects:
            return [one.event for one in recorded]
        rows = await self._store.pool.fetch(
            f"select subject, wrapped from {self._table} where subject = any ($1)", subjects
        )
        keys = self._unwrapped(rows)
        return [_opened(one.event, one.id, keys) if _tokens(one.event) else one.event for one in recorded]

    async def erase(self, subject: UUID) -> None:
        """Destroy a person's key for good: their fields read as erased, and nothing is sealed for them again.

        Backups keep the key as long as they are kept themselves.
        """
        await erase_all(self._store.pool, self._store.schema, [subject])

    async def rewrap(self) -> int:
        """Wrap every key with the current master key; how many were wrapped with another. May run beside all else."""
        count, after = 0, UUID(int=0)
        while rows := await self._store.pool.fetch(
            f"select subject, wrapped from {self._table} "
            "where subject > $1 and get_byte(wrapped, 0) <> $2 order by subject limit $3",
            *(after, self._masters.current, REWRAPPED_AT_ONCE),
        ):
            after = rows[-1]["subject"]
            renewed = [self._masters.wrap(s, self._masters.unwrap(s, wrapped)) for s, wrapped in rows]
            count += await self._store.pool.fetchval(
                "with changed as ("
                f"update {self._table} k set wrapped = n.renewed "
                "from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as n (subject, wrapped, renewed) "
                "where k.subject = n.subject and k.wrapped = n.wrapped returning 1"  # one erased meanwhile stays so
                ") select count(*) from changed",
                *([row["subject"] for row in rows], [row["wrapped"] for row in rows], renewed),
            )
        return count

    async def _made(self, subjects: Iterable[UUID]) -> Keys:
        """The keys of these persons, made where missing."""
        wanted = list(subjects)
        offered = [self._masters.wrap(subject, os.urandom(KEY_BYTES)) for subject in wanted]
        return self._unwrapped(
            await self._store.pool.fetch(
                f"select subject, wrapped from {self._store.schema}.keys_for($1, $2)", wanted, offered
            )
        )

    def _unwrapped(self, rows: Iterable[tuple[UUID, bytes | None]]) -> Keys:
        return {
            subject: None if wrapped is None else AESGCM(self._masters.unwrap(subject, wrapped))
            for subject, wrapped in rows
        }


async def erase_all(database: Pool | Connection, schema: str, subjects: Sequence[UUID]) -> None:
    """Destroy the keys of persons in a service's schema; whoever has none there is never given one."""
    await database.execute(
        f"insert into {schema}.keys as k (subject, wrapped, erased_at) "
        "select distinct s, null::bytea, clock_timestamp() from unnest($1::uuid[]) s "
        "on conflict (subject) do update set wrapped = null, erased_at = excluded.erased_at "
        "where k.erased_at is null",
        subjects,
    )


def _personal(event: Event) -> dict[str, Personal[Any]]:
    return {name: value for name in event.personal_fields if (value := getattr(event, name)) is not None}


def _tokens(event: Event) -> dict[str, Personal[Any]]:
    return {
        name: value
        for name in event.personal_fields
        if (value := getattr(event, name)) is not None and not value.is_clear and not value.is_erased
    }


def _subject(event: Event) -> UUID:
    subject = getattr(event, event.subject or "", None)
    if not isinstance(subject, UUID):
        raise TypeError(f"{type(event).__name__} has personal fields, but its subject is no UUID")
    return subject


def _sealed(event: Event, id: UUID, keys: Keys) -> Event:  # noqa: A002
    subject = _subject(event)
    key = keys[subject]
    if key is None:
        raise ERASED()
    tokens: dict[str, Personal[Any]] = {}
    for name, personal in _personal(event).items():
        nonce = os.urandom(NONCE_BYTES)
        content = event.personal_fields[name].dump_json(personal.clear)
        raw = TOKEN_VERSION + nonce + key.encrypt(nonce, content, _place(subject, id, name))
        tokens[name] = Personal.from_sealed(urlsafe_b64encode(raw).rstrip(b"=").decode())
    return event.model_copy(update=tokens)


def _opened(event: Event, id: UUID, keys: Keys) -> Event:  # noqa: A002
    subject = _subject(event)
    if subject not in keys:
        raise KeyMissing(f"of {subject}")
    key = keys[subject]
    opened: dict[str, Personal[Any]] = {}
    for name, personal in _tokens(event).items():
        if key is None:
            opened[name] = Personal.erased()
            continue
        try:
            raw = urlsafe_b64decode(personal.token + "==")
            nonce, sealed = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
            if raw[:1] != TOKEN_VERSION or urlsafe_b64encode(raw).rstrip(b"=").decode() != personal.token:
                raise SealBroken(f"{name} of event {id}")
            content = key.decrypt(nonce, sealed, _place(subject, id, name))
        except (InvalidTag, NotBase64, ValueError):
            raise SealBroken(f"{name} of event {id}") from None
        try:
            opened[name] = Personal(event.personal_fields[name].validate_json(content))
        except ValidationError as error:  # its text shows the content
            raise NotOfItsType(f"{name} of event {id}: {error.errors(include_input=False)[0]['type']}") from None
    return event.model_copy(update=opened)


def _place(subject: UUID, event: UUID, name: str) -> bytes:
    return subject.bytes + event.bytes + name.encode()
