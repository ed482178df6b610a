"""Accounts as a block of nats-server's configuration file: for the embedded stack, where each user has a password
or a key that this machine keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.nats.accounts import UNION, Account, Share, User

__all__ = ["Password", "PublicKey", "accounts_block"]


@dataclass(frozen=True, slots=True)
class Password:
    text: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Of an nkey: its seed never reaches the server."""

    text: str


def accounts_block(accounts: Iterable[Account], secrets: Mapping[str, Password | PublicKey]) -> str:
    """`secrets` by the user's name. Raises KeyError where one is missing."""
    accounts = tuple(accounts)
    return "accounts {\n" + "\n".join(_account(account, accounts, secrets) for account in accounts) + "\n}"


def _account(account: Account, accounts: Iterable[Account], secrets: Mapping[str, Password | PublicKey]) -> str:
    users = ",\n".join(_user(user, secrets[user.name]) for user in account.users)
    lines = [f"    users: [\n{users}\n    ]"]
    if account.name == UNION:
        exports = ",\n".join(_export(share, other.name) for other in accounts for share in other.shares)
        lines = ["    jetstream: enabled", *lines, f"    exports: [\n{exports}\n    ]"]
    if account.shares:
        lines.append("    imports: [\n" + ",\n".join(map(_import, account.shares)) + "\n    ]")
    return f'  "{account.name}" {{\n' + "\n".join(lines) + "\n  }"


def _user(user: User, secret: Password | PublicKey) -> str:
    match secret:
        case Password(text):
            who = f'user: "{user.name}", password: "{text}"'
        case PublicKey(text):
            who = f"nkey: {text}"
    answers = ", allow_responses: true" if user.answers else ""
    never = f", deny: [{_listed(user.never)}]" if user.never else ""
    publish = f"publish: {{ allow: [{_listed(user.publish)}]{never} }}"
    rights = f"{publish}, subscribe: {{ allow: [{_listed(user.subscribe)}] }}"
    return f"      {{ {who}, permissions: {{ {rights}{answers} }} }}"


def _export(share: Share, to: str) -> str:
    kind, answers = ("stream", "") if share.heard else ("service", ", response_type: stream" if share.many else "")
    return f'      {{ {kind}: "{share.subject}", accounts: ["{to}"]{answers} }}'


def _import(share: Share) -> str:
    kind = "stream" if share.heard else "service"
    local = f', to: "{share.local}"' if share.local != share.subject else ""
    return f'      {{ {kind}: {{ account: "{UNION}", subject: "{share.subject}" }}{local} }}'


def _listed(subjects: Iterable[str]) -> str:
    return ", ".join(f'"{subject}"' for subject in subjects)
