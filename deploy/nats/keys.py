"""nkeys: ed25519 seeds, each in a file that its owner alone can read, made at first need."""

import os
from pathlib import Path
from typing import Final

import nkeys

from deploy.local.account import Account, own_file

__all__ = ["ACCOUNT", "OPERATOR", "USER", "Key", "kept", "made"]

OPERATOR: Final = nkeys.PREFIX_BYTE_OPERATOR
ACCOUNT: Final = nkeys.PREFIX_BYTE_ACCOUNT
USER: Final = nkeys.PREFIX_BYTE_USER
SEED_BYTES: Final = 32


class Key:
    """A pair. `public` is what others know it by, such as `UD…`."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._pair = nkeys.from_seed(bytearray(seed.encode()))
        self.public: str = self._pair.public_key.decode()

    def sign(self, data: bytes) -> bytes:
        signature: bytes = self._pair.sign(data)
        return signature


def kept(path: Path, kind: int) -> Key:
    """The key in the file, made at the first call."""
    if not path.exists():
        made(path, kind)
    return Key(path.read_text("ascii").strip())


def made(path: Path, kind: int) -> Key:
    """A new key, in the file whatever was there."""
    seed = nkeys.encode_seed(os.urandom(SEED_BYTES), kind).decode()
    own_file(path, Account(), seed + "\n")
    return Key(seed)
