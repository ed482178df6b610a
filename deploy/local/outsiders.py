"""The accounts of the embedded broker: services and the operator have passwords, outsiders a key each.

The keys lie under `outside/` of the home, such as `outside/bank-nxbank.nk`: with one of them and the broker's address
whoever builds a bank's system signs in as the bank will.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import nats
from pydantic import ValidationError

from deploy.local.account import Account, own_folder
from deploy.local.home import Home
from deploy.local.terminal import wrong
from deploy.nats.accounts import accounts
from deploy.nats.configuration import Password, PublicKey, accounts_block
from deploy.nats.keys import USER, kept
from deploy.nats.parties import Parties
from deploy.nats.streams import provide

__all__ = ["accounts_of", "key_file", "parties_in", "provide_streams"]


def parties_in(path: Path) -> Parties:
    """The banks and hospitals that a file names. Ends the command where it can't be read."""
    try:
        return Parties.read(path)
    except ValidationError as error:
        first = error.errors()[0]
        wrong(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        wrong(f"{path} can't be read: {error}")


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
