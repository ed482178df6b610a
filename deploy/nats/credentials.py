"""`niangjia credentials`: everything that a broker and those who sign in to it need, in one folder.

    keys/      seeds of the operator, of accounts and users, and the CA's key: to be kept offline
    server/    what each node of the broker reads: accounts.conf, server.conf, its certificate;
               of a cluster node-1.conf and so on in place of server.conf
    users/     what a service or the operator signs in with
    outside/   what is given to a bank or hospital, one folder each: niangjia.creds and ca.pem
    counties/  at a city, what is given to each county: city.creds, city-ca.pem and city.toml

Made again it keeps all keys: a party that was added gets its own, one that is gone from the file can't sign in any
more, and nodes take the new accounts up by `nats-server --signal reload`.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy.local.account import Account as Owner
from deploy.local.account import own_file, own_folder
from deploy.local.county import READER, Reader, reading
from deploy.local.outsiders import parties_in
from deploy.local.system import PROGRAMMES
from deploy.local.terminal import out, wrong
from deploy.nats import certificates, keys
from deploy.nats.accounts import OPERATIONS, UNION, Account, User, accounts
from deploy.nats.city import CA, CREDS, DOMAIN, GIVEN, Given, city_accounts, domain_of
from deploy.nats.company import county, hub
from deploy.nats.keys import Key
from deploy.nats.nodes import ROUTES, TLS, Address, Place, configurations
from deploy.nats.parties import SHIPPED, Parties
from deploy.nats.tokens import Signer, creds_file

__all__ = ["Credentials", "credentials", "make", "make_city"]

SYSTEM: Final = "system"
"""The account in which nats-server tells of itself; its one user watches the servers."""
CALLER: Final = Owner()
LOCAL: Final = ("localhost", "127.0.0.1")
OFFLINE: Final = "keys/ opens everything: keep it offline"


def _node(text: str) -> Address:
    try:
        return Address.parse(text, ROUTES)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Folder = Annotated[Path, typer.Argument(help="where they are kept", show_default=False)]
Hosts = Annotated[list[str] | None, typer.Option(help="a name or address by which the broker is reached")]
Nodes = Annotated[
    list[Address] | None,
    typer.Option(parser=_node, metavar="HOST[:PORT]", help="of a cluster, thrice: where its nodes take each other"),
]


@dataclass(frozen=True)
class Credentials:
    folder: Path
    reader: Owner = CALLER
    """As whom the broker and the services run: whose `server/` and `users/` are. All else is the caller's."""

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

    def county(self, code: str) -> Path:
        return self.folder / "counties" / code

    def make_folders(self) -> None:
        for folder in (self.folder, self.server, self.users):
            own_folder(folder, self.reader)
            self.reader.own(folder)
        for folder in (self.keys, self.folder / "outside"):
            own_folder(folder, CALLER)
        own_file(self.folder / ".gitignore", CALLER, "*\n")  # wherever it lies, no repository takes it in

    def account_key(self, account: str) -> Key:
        return keys.kept(self.keys / f"account-{account}.nk", keys.ACCOUNT)

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
        own_file(self.keys / "revoked.json", CALLER, text + "\n")
        keys.made(self.user_key(user), keys.USER)


def make(
    folder: Path,
    services: Sequence[str],
    parties: Parties,
    hosts: Sequence[str],
    now: datetime,
    renew: Sequence[str] = (),
    nodes: Sequence[Address] = (),
    city: Path | None = None,
    reader: Owner = CALLER,
) -> Credentials:
    """A county's. `renew` names outsiders who get a new key, `nodes` are those of a cluster, and `city` is the folder
    that the city gave to a county. Raises KeyError for an outsider that there is not; OSError or ValueError where the
    city's folder is none."""
    made = Credentials(folder, reader)
    made.make_folders()
    everyone = accounts(services, parties)
    place = Place(nodes=nodes) if city is None else _under(city, made, nodes)
    _make(made, everyone, place, hosts, now, renew)
    return made


def _under(city: Path, made: Credentials, nodes: Sequence[Address]) -> Place:
    """Of a county that calls its city."""
    given = Given.read(city)
    for name in (CREDS, CA):
        own_file(made.server / name, made.reader, (city / name).read_text("ascii"))
    up = county(given.urls, made.account_key(UNION).public, CREDS, CA)
    return Place(domain_of(given.county), nodes, up)


def make_city(
    folder: Path,
    counties: Sequence[str],
    hosts: Sequence[str],
    leaves: int,
    now: datetime,
    renew: Sequence[str] = (),
    nodes: Sequence[Address] = (),
    reader: Owner = CALLER,
) -> Credentials:
    """A city's, whose counties come in at the port `leaves` of any of its hosts. Raises KeyError as `make` does."""
    made = Credentials(folder, reader)
    made.make_folders()
    _make(made, city_accounts(counties), Place(DOMAIN, nodes, hub(f"0.0.0.0:{leaves}", TLS)), hosts, now, renew)
    reached = dict.fromkeys([*hosts, *(node.host for node in nodes)])
    for code in counties:
        mine = made.county(code)
        own_folder(mine, CALLER)
        own_file(mine / CREDS, CALLER, made.of(domain_of(code)).read_text("ascii"))
        own_file(mine / CA, CALLER, (made.keys / "ca.pem").read_text("ascii"))
        own_file(mine / GIVEN, CALLER, Given(code, tuple(f"tls://{host}:{leaves}" for host in reached)).toml())
    return made


def _make(
    made: Credentials,
    everyone: tuple[Account, ...],
    place: Place,
    hosts: Sequence[str],
    now: datetime,
    renew: Sequence[str],
) -> None:
    account_of = {user.name: account.name for account in everyone for user in account.users}
    for name in renew:
        made.revoke(account_of[name], name, now)
    names = [SYSTEM, *(account.name for account in everyone)]
    signer = Signer(
        operator=keys.kept(made.keys / "operator.nk", keys.OPERATOR),
        accounts={name: made.account_key(name) for name in names},
        now=now,
    )
    certificates.authority(made.keys, now)
    certificates.issue(made.keys, "server", [*dict.fromkeys([*hosts, *(node.host for node in place.nodes)])], now)
    for name in ("server.pem", "server.key", "ca.pem"):
        own_file(made.server / name, made.reader, (made.keys / name).read_text("ascii"))
    own_file(made.server / "accounts.conf", made.reader, _accounts(signer, everyone, made))
    for name, text in configurations(place).items():
        own_file(made.server / name, made.reader, text)
    for account in (*everyone, _SYSTEM):
        for user in account.users:
            _sign_in(made, signer, account, user)


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
        own_file(path, CALLER, signer.of_operator(SYSTEM))
    return path.read_text("ascii")


def _sign_in(made: Credentials, signer: Signer, account: Account, user: User) -> None:
    key = keys.kept(made.user_key(user.name), keys.USER)
    text = creds_file(signer.of_user(user, account.name, key), key)
    if account.name in (UNION, SYSTEM, OPERATIONS):
        own_file(made.of(user.name), made.reader, text)
        return
    folder = made.outside(account.name)
    own_folder(folder, CALLER)
    own_file(folder / "niangjia.creds", CALLER, text)
    own_file(folder / "ca.pem", CALLER, (made.keys / "ca.pem").read_text("ascii"))


_SYSTEM: Final = Account(SYSTEM, (User(SYSTEM, ("$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.>"), ("_INBOX.>",)),))


def credentials(
    folder: Folder,
    host: Hosts = None,
    parties: Annotated[Path, typer.Option(help="banks and hospitals, TOML")] = SHIPPED,
    renew: Annotated[list[str] | None, typer.Option(help="an outsider whose key is replaced: bank-nxbank")] = None,
    node: Nodes = None,
    city: Annotated[Path | None, typer.Option(help="the folder that the city gave to this county")] = None,
    reader: Reader = READER,
) -> None:
    """Make keys, tokens and certificates for the broker and for all who sign in to it. May be repeated."""
    named, services = parties_in(parties), [programme.name for programme in PROGRAMMES]
    require_known(renew, [*(party.account for party in named.all()), OPERATIONS])
    try:
        made = make(
            *(folder.resolve(), services, named, host or LOCAL, datetime.now(UTC)),
            renew=renew or [],
            nodes=node or [],
            city=city,
            reader=reading(reader),
        )
    except (OSError, ValueError) as error:
        wrong(f"what the city gave can't be read: {error}")
    tell(made)
    for party in named.all():
        out.print(f"{party.name}  {made.outside(party.account)}", soft_wrap=True)
    out.print(OFFLINE, style="bold")


def require_known(renew: Sequence[str] | None, known: Collection[str]) -> None:
    """End the command where a key would be renewed of somebody who has none."""
    if unknown := set(renew or []) - set(known):
        wrong(f"no outsider is named {', '.join(sorted(unknown))}: {', '.join(sorted(known))}")


def tell(made: Credentials) -> None:
    out.print(f"broker       {made.server}", soft_wrap=True)
    out.print(f"services     {made.users}", soft_wrap=True)
