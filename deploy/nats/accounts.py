"""The broker's accounts. What is in one does not exist for another, but for what is shared.

- `union`: the services and whoever operates them, each a user with rights of its own.
- one for each outside party. Its calls reach the union on `from.<role>.<code>.…`, where services read who calls; a
  bank also reaches the one consumer of the stream of events addressed to it.
- `operations`: watches streams, consumers and advisories, and changes nothing.

This says it once; `configuration` and `tokens` each put it into a form that nats-server takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deploy.nats.parties import CONSUMER, Bank, Parties, Party
from shared.eventsourcing.wire import stream_name
from shared.runtime.clock import BUCKET

__all__ = ["DOMAIN", "OPERATIONS", "OPERATOR", "UNION", "Account", "Share", "User", "accounts"]

UNION: Final = "union"
OPERATOR: Final = "operator"
OPERATIONS: Final = "operations"
INBOX: Final = "_INBOX.>"
CONSUMING: Final = ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE")
ADVISORIES: Final = "$JS.EVENT.ADVISORY.>"
DOMAIN: Final = "union"
"""As which JetStream's clients in other accounts know the union's JetStream: they have none of their own."""


@dataclass(frozen=True, slots=True)
class User:
    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool = False
    """Whether it may answer whoever called it."""
    never: tuple[str, ...] = ()
    """Of `publish`, what it may not all the same."""


@dataclass(frozen=True, slots=True)
class Share:
    """What the union lets another account do: call `subject`, or hear it, by the name that `local` gives it there."""

    subject: str
    local: str
    heard: bool = False
    many: bool = False
    """Whether one call has several answers."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    users: tuple[User, ...]
    shares: tuple[Share, ...] = ()
    """Of the union, to this account."""


def accounts(services: Sequence[str], parties: Parties) -> tuple[Account, ...]:
    """The union's first. `services` are the names of programmes."""
    banks = [subject for bank in parties.bank for subject in _taking_for(bank)]
    union = Account(UNION, (_operator(), *(_service(name, banks) for name in services)))
    outside = [_outside(party.account, _shares(party)) for party in parties.all()]
    return (union, *outside, _outside(OPERATIONS, _watching()))


def _outside(name: str, shares: tuple[Share, ...]) -> Account:
    """An account whose one user may do all that is shared with it, and nothing else."""
    publish = tuple(share.local for share in shares if not share.heard)
    subscribe = tuple(share.local for share in shares if share.heard)
    return Account(name, (User(name, publish, (INBOX, *subscribe)),), shares)


def _shares(party: Party) -> tuple[Share, ...]:
    calls = [Share(f"from.{party.role}.{party.code}.{subject}", subject) for subject in party.calls()]
    return (*calls, *(_taking(party) if isinstance(party, Bank) else ()))


def _taking(bank: Bank) -> tuple[Share, ...]:
    """The next events, how far the bank is, and its acknowledgements."""
    consumer = f"{bank.stream}.{CONSUMER}"
    ack = f"$JS.ACK.{consumer}.>"
    return _api(f"CONSUMER.MSG.NEXT.{consumer}", many=True), _api(f"CONSUMER.INFO.{consumer}"), Share(ack, ack)


def _taking_for(bank: Bank) -> tuple[str, ...]:
    """By which somebody else would take the bank's events in its place, or undo its consumer."""
    calls = (f"*.{bank.stream}", f"*.{bank.stream}.>", f"*.*.{bank.stream}.>")
    return (*(f"$JS.API.CONSUMER.{call}" for call in calls), f"$JS.ACK.{bank.stream}.>")


def _watching() -> tuple[Share, ...]:
    calls = ("STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.*", "CONSUMER.NAMES.*", "CONSUMER.LIST.*", "CONSUMER.INFO.*.*")
    return (*map(_api, calls), Share(ADVISORIES, ADVISORIES, heard=True))


def _api(call: str, *, many: bool = False) -> Share:
    return Share(f"$JS.API.{call}", f"$JS.{DOMAIN}.API.{call}", many=many)


def _operator() -> User:
    """Calls services, keeps streams and consumers, sets the clock, asks a city or county how far it is; publishes no
    event."""
    publish = ("cmd.>", "qry.>", "$JS.API.>", "$JS.*.API.CONSUMER.INFO.*.*", "$JS.ACK.>", "$JS.FC.>", f"$KV.{BUCKET}.>")
    return User(OPERATOR, publish, ("evt.>", ADVISORIES, INBOX))


def _service(name: str, never: Sequence[str]) -> User:
    """Hears its own commands and queries, publishes its own events, asks other services, and consumes their streams,
    but no bank's. Answers to others are not for it. It could spoil another's consumer: to part those too, each would
    need an account."""
    stream, clock = stream_name(name), f"KV_{BUCKET}"
    streams = [f"$JS.API.STREAM.{call}.{one}" for call in ("CREATE", "MSG.GET") for one in (stream, clock)]
    publish = (
        f"evt.*.{name}.>",
        "cmd.*.*.*",
        "qry.*.*.*",
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.INFO.*",
        *streams,
        f"$JS.API.STREAM.UPDATE.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.DIRECT.GET.{clock}.>",
        *(f"$JS.API.CONSUMER.{call}.>" for call in CONSUMING),
        "$JS.ACK.>",
        "$JS.FC.>",
    )
    calls = [f"{door}{verb}.*.{name}.*" for door in ("", "from.*.*.") for verb in ("cmd", "qry")]
    return User(name, publish, (*calls, f"_INBOX.{name}.>"), answers=True, never=tuple(never))
