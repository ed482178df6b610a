"""The accounts of the embedded broker: services and the operator have passwords, outsiders a key each.

The keys lie under `outside/` of the home, such as `outside/bank-nxbank.nk`: with one of them and the broker's address
whoever builds a bank's system signs in as the bank will.
"""

from collections.abc import Mapping
from pathlib import Path

import nats

from deploy.local.account import Account, own_folder
from deploy.local.home import Home
from deploy.nats.accounts import accounts
from deploy.nats.configuration import Password, PublicKey, accounts_block
from deploy.nats.keys import USER, kept
from deploy.nats.parties import Parties
from deploy.nats.streams import provide

__all__ = ["accounts_of", "key_file", "provide_streams"]


def key_file(home: Home, account: str) -> Path:
    """The seed by which an outsider signs in."""
    return home.path / "outside" / f"{account}.nk"


def accounts_of(home: Home, passwords: Mapping[str, str], services: list[str], parties: Parties) -> str:
    """A block of nats-server's configuration. `passwords` of the services and of the operator."""
    everyone = accounts(services, parties)
    own_folder(home.path / "outside", Account())
    secrets: dict[str, Password | PublicKey] = {name: Password(word) for name, word in passwords.items()}
    for outsider in everyone[1:]:
        for user in outsider.users:
            secrets[user.name] = PublicKey(kept(key_file(home, outsider.name), USER).public)
    return accounts_block(everyone, secrets)


async def provide_streams(operator_url: str, parties: Parties) -> None:
    """What outsiders consume."""
    connection = await nats.connect(operator_url, name="provision")
    try:
        await provide(connection.jetstream(), parties)
    finally:
        await connection.close()
