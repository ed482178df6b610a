"""Telephone numbers and addresses, as they are shown and as they are compared: never in clear."""

import hmac
from hashlib import blake2b

__all__ = ["Pseudonyms", "masked"]


class Pseudonyms:
    """Tells whether two numbers are the same without keeping any: keyed hashes, of 16 bytes."""

    def __init__(self, master: bytes) -> None:
        self._key = blake2b(b"notify numbers", key=master, digest_size=32).digest()

    def of(self, address: str) -> bytes:
        """Of a telephone number or an email address."""
        return hmac.digest(self._key, address.strip().lower().encode(), "sha256")[:16]


def masked(number: str) -> str:
    """
    >>> masked("13800000001"), masked("95588")
    ('138****0001', '****')
    """
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 11 else "****"
