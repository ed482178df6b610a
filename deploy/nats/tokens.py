"""Accounts as tokens (JWT): an operator signs accounts, an account signs its users, and nats-server needs to know the
operator's public key alone. What is shared with an account needs the union's signature (an activation) besides."""

import json
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from deploy.nats.accounts import UNION, Account, Share, User
from deploy.nats.keys import Key

__all__ = ["Signer", "creds_file"]

NO_LIMIT: Final = -1
ANSWER_WITHIN: Final = 120_000_000_000
"""Nanoseconds."""


@dataclass(frozen=True)
class Signer:
    """Who signs: `operator`, and the key of each account by its name."""

    operator: Key
    accounts: Mapping[str, Key]
    now: datetime

    def of_operator(self, system_account: str) -> str:
        system = self.accounts[system_account].public
        return self._signed(self.operator, self.operator.public, "niangjia", "operator", system_account=system)

    def of_account(
        self, account: Account, everyone: tuple[Account, ...], revoked: Mapping[str, datetime] | None = None
    ) -> str:
        """`revoked` are public keys of users, and until when what was signed for them counts for nothing."""
        union = account.name == UNION
        storage = NO_LIMIT if union else 0
        limits = {
            **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), NO_LIMIT),
            "wildcards": True,
            "mem_storage": storage,
            "disk_storage": storage,
            "streams": storage,
            "consumer": storage,
        }
        exports = [_export(share) for share in _shared(everyone)] if union else []
        imports = [self._import(share, account.name) for share in account.shares]
        revocations = {key: int(until.timestamp()) for key, until in (revoked or {}).items()}
        return self._signed(
            self.operator,
            self.accounts[account.name].public,
            account.name,
            "account",
            limits=limits,
            exports=exports,
            imports=imports,
            revocations=revocations,
        )

    def of_user(self, user: User, account: str, key: Key) -> str:
        return self._signed(
            self.accounts[account],
            key.public,
            user.name,
            "user",
            pub={"allow": list(user.publish), **({"deny": list(user.never)} if user.never else {})},
            sub={"allow": list(user.subscribe)},
            **({"resp": {"max": 1, "ttl": ANSWER_WITHIN}} if user.answers else {}),
            subs=NO_LIMIT,
            data=NO_LIMIT,
            payload=NO_LIMIT,
        )

    def _import(self, share: Share, to: str) -> dict[str, Any]:
        union, kind = self.accounts[UNION], _kind(share)
        activation = self._signed(
            union, self.accounts[to].public, share.subject, "activation", subject=share.subject, kind=kind
        )
        shared = {"name": share.subject, "subject": share.subject, "account": union.public, "token": activation}
        local = {"local_subject": share.local} if share.local != share.subject else {}
        return {**shared, **local, "type": kind}

    def _signed(self, by: Key, about: str, name: str, of: str, /, **nats: Any) -> str:
        issued = int(self.now.astimezone(UTC).timestamp())
        claims = {"iat": issued, "iss": by.public, "name": name, "sub": about}
        body = {**claims, "nats": {**nats, "type": of, "version": 2}}
        digest = b32encode(sha256(_json(body)).digest()).decode().rstrip("=")
        head = _base64(_json({"typ": "JWT", "alg": "ed25519-nkey"})) + "." + _base64(_json({"jti": digest, **body}))
        return head + "." + _base64(by.sign(head.encode()))


def creds_file(token: str, key: Key) -> str:
    """The text of a `.creds` file, as every NATS client takes it."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        "Keep this file secret: whoever holds it signs in with it.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{key.seed}\n------END USER NKEY SEED------\n"
    )


def _shared(everyone: tuple[Account, ...]) -> list[Share]:
    """What is exported: of two shares where one covers the other, as nats-server wants it, the wider alone. Its
    activation still says how much of it an account may use."""
    shares = {share.subject: share for account in everyone for share in account.shares}
    return [
        share
        for subject, share in shares.items()
        if not any(_covers(other, subject) for other in shares if other != subject)
    ]


def _covers(wide: str, subject: str) -> bool:
    """Whether every subject of a pattern is one of a wider pattern without `>`."""
    pairs = zip(wide.split("."), subject.split("."), strict=False)
    return wide.count(".") == subject.count(".") and all(one in ("*", other) for one, other in pairs)


def _export(share: Share) -> dict[str, Any]:
    answers = {"response_type": "Stream"} if share.many else {}
    return {"name": share.subject, "subject": share.subject, "type": _kind(share), "token_req": True, **answers}


def _kind(share: Share) -> str:
    return "stream" if share.heard else "service"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
