"""`niangjia credentials`: everything that a broker and those who sign in to it need, in one folder.

    keys/      seeds of the operator, of accounts and users, and the CA's key: to be kept offline
    server/    what each node of the broker reads: accounts.conf, server.conf, its certificate
    users/     what a service or the operator signs in with
    outside/   what is given to a bank or hospital, one folder each: niangjia.creds and ca.pem

Made again it keeps all keys: a party that was added gets its own, one that is gone from the file can't sign in any
more, and nodes take the new accounts up by `nats-server --signal reload`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.local.account import Account as Owner
from deploy.local.account import own_file, own_folder
from deploy.local.system import PROGRAMMES
from deploy.local.terminal import out, wrong
from deploy.nats import certificates, keys
from deploy.nats.accounts import OPERATIONS, UNION, Account, User, accounts
from deploy.nats.parties import SHIPPED, Parties
from deploy.nats.tokens import Signer, creds_file

__all__ = ["Credentials", "credentials", "make"]

SYSTEM: Final = "system"
"""The account in which nats-server tells of itself; its one user watches the servers."""


@dataclass(frozen=True)
class Credentials:
    folder: Path

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def server(self) -> Path:
        return self.folder / "server"

    @property
    def users(self) -> Path:
        return self.folder / "users"

    def of(self, user: str) -> Path:
        """The file by which a user of the union signs in."""
        return self.users / f"{user}.creds"

    def outside(self, account: str) -> Path:
        return self.folder / "outside" / account

    def make_folders(self) -> None:
        for folder in (self.folder, self.keys, self.server, self.users, self.folder / "outside"):
            own_folder(folder, Owner())
        own_file(self.folder / ".gitignore", Owner(), "*\n")  # wherever it lies, no repository takes it in

    def user_key(self, user: str) -> Path:
        return self.keys / f"user-{user}.nk"

    def revoked(self) -> dict[str, dict[str, datetime]]:
        """By account: users' public keys, and until when what was signed for them counts for nothing."""
        path = self.keys / "revoked.json"
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return {
            account: {key: datetime.fromisoformat(until) for key, until in users.items()}
            for account, users in kept.items()
        }

    def revoke(self, account: str, user: str, now: datetime) -> None:
        """Let the user's present key count for nothing, and make another."""
        revoked = self.revoked()
        revoked.setdefault(account, {})[keys.kept(self.user_key(user), keys.USER).public] = now
        text = json.dumps(
            {name: {key: until.isoformat() for key, until in users.items()} for name, users in revoked.items()},
            indent=2,
        )
        own_file(self.keys / "revoked.json", Owner(), text + "\n")
        keys.made(self.user_key(user), keys.USER)


def make(
    folder: Path,
    services: Sequence[str],
    parties: Parties,
    hosts: Sequence[str],
    now: datetime,
    renew: Sequence[str] = (),
) -> Credentials:
    """`renew` names accounts of outsiders whose user gets a new key. Raises KeyError for one that there is not."""
    made, everyone = Credentials(folder), accounts(services, parties)
    by_name = {account.name: account for account in everyone}
    made.make_folders()
    for name in renew:
        (user,) = by_name[name].users
        made.revoke(name, user.name, now)
    names = [SYSTEM, *by_name]
    signer = Signer(
        operator=keys.kept(made.keys / "operator.nk", keys.OPERATOR),
        accounts={name: keys.kept(made.keys / f"account-{name}.nk", keys.ACCOUNT) for name in names},
        now=now,
    )
    certificates.authority(made.keys, now)
    certificates.issue(made.keys, "server", hosts, now)
    for name in ("server.pem", "server.key", "ca.pem"):
        own_file(made.server / name, Owner(), (made.keys / name).read_text("ascii"))
    own_file(made.server / "accounts.conf", Owner(), _accounts(signer, everyone, made))
    own_file(made.server / "server.conf", Owner(), SERVER)
    for account in (*everyone, _SYSTEM):
        for user in account.users:
            _sign_in(made, signer, account, user)
    return made


def _accounts(signer: Signer, everyone: tuple[Account, ...], made: Credentials) -> str:
    revoked = made.revoked()
    tokens = {account.name: signer.of_account(account, everyone, revoked.get(account.name)) for account in everyone}
    tokens[SYSTEM] = signer.of_account(_SYSTEM, ())
    listed = "\n".join(f"  {signer.accounts[name].public}: {token}" for name, token in tokens.items())
    return (
        "# Made by `niangjia credentials`; the same on every node.\n"
        f"operator: {_operator(signer, made)}\n"
        f"system_account: {signer.accounts[SYSTEM].public}\n"
        f"resolver: MEMORY\nresolver_preload: {{\n{listed}\n}}\n"
    )


def _operator(signer: Signer, made: Credentials) -> str:
    """Signed once: a node that runs takes up other accounts, but no other operator."""
    path = made.keys / "operator.jwt"
    if not path.exists():
        own_file(path, Owner(), signer.of_operator(SYSTEM))
    return path.read_text("ascii")


def _sign_in(made: Credentials, signer: Signer, account: Account, user: User) -> None:
    key = keys.kept(made.user_key(user.name), keys.USER)
    text = creds_file(signer.of_user(user, account.name, key), key)
    if account.name in (UNION, SYSTEM, OPERATIONS):
        own_file(made.of(user.name), Owner(), text)
        return
    folder = made.outside(account.name)
    own_folder(folder, Owner())
    own_file(folder / "niangjia.creds", Owner(), text)
    own_file(folder / "ca.pem", Owner(), (made.keys / "ca.pem").read_text("ascii"))


_SYSTEM: Final = Account(SYSTEM, (User(SYSTEM, ("$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.>"), ("_INBOX.>",)),))

SERVER: Final = """\
# One node. For a cluster add its own server_name and a cluster block; the rest is the same on every node.
server_name: niangjia
listen: "0.0.0.0:4222"
max_payload: 1MB
jetstream {
  store_dir: "/var/lib/nats"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 16GB
}
tls {
  cert_file: "server.pem"
  key_file: "server.key"
  min_version: "1.2"
}
include accounts.conf
"""


def credentials(
    folder: Annotated[Path, typer.Argument(help="where they are kept", show_default=False)],
    host: Annotated[list[str] | None, typer.Option(help="a name or address by which the broker is reached")] = None,
    parties: Annotated[Path, typer.Option(help="banks and hospitals, TOML")] = SHIPPED,
    renew: Annotated[list[str] | None, typer.Option(help="an outsider whose key is replaced: bank-nxbank")] = None,
) -> None:
    """Make keys, tokens and certificates for the broker and for all who sign in to it. May be repeated."""
    services = [programme.name for programme in PROGRAMMES]
    named, hosts = Parties.read(parties), host or ["localhost", "127.0.0.1"]
    known = {party.account for party in named.all()} | {OPERATIONS}
    if unknown := set(renew or []) - known:
        wrong(f"no outsider is named {', '.join(sorted(unknown))}: {', '.join(sorted(known))}")
    made = make(folder.resolve(), services, named, hosts, datetime.now(UTC), renew or [])
    out.print(f"broker       {made.server}", soft_wrap=True)
    out.print(f"services     {made.users}", soft_wrap=True)
    for party in named.all():
        out.print(f"{party.name}  {made.outside(party.account)}", soft_wrap=True)
    out.print("keys/ opens everything: keep it offline", style="bold")
