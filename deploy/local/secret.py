"""Passwords of the embedded servers: other users of the machine can reach 127.0.0.1 too."""

import secrets
from pathlib import Path

from deploy.local.account import Account, own_file


def kept_secret(path: Path) -> str:
    """The password kept in the file, made at the first call; the file is open to its owner alone."""
    if not path.exists():
        own_file(path, Account(), secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")
