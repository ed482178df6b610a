"""A folder that one process at a time keeps, and files that are there whole or not at all, even after a power cut."""

import fcntl
import os
from pathlib import Path

__all__ = ["FolderBusy", "hold", "put"]


class FolderBusy(Exception):
    """Another process keeps the folder."""


def hold(folder: Path) -> int:
    """Make the folder if it is missing, open to its owner alone, and keep others out of it as long as this process
    lives or the returned descriptor is open. Raises FolderBusy."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise FolderBusy(f"another process keeps {folder}") from None
    for half in folder.glob("*.new"):
        half.unlink()
    return lock


def put(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner alone."""
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
