"""Who the embedded servers run as, and how they reach their programs and their data.

PostgreSQL refuses to run as root. When root starts the stack, its servers run as a system user of their own;
no folder's permissions are widened for it, so a checkout in a closed home folder works too.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Self

SYSTEM_USER = "niangjia"
PROGRAMS = Path("/var/cache/niangjia")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine: user and group id and further groups as `subprocess` takes them.

    None means the caller's own.
    """

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    @classmethod
    def other(cls, uid: int, gid: int) -> Self:
        return cls(uid, gid, ())

    @property
    def is_callers(self) -> bool:
        return self.uid is None

    def own(self, file: Path | int) -> None:
        """Make the account the owner of a path or of an open file."""
        if self.uid is not None and self.gid is not None:
            os.chown(file, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """The account that a server over `data` must run as.

    Root takes the owner of existing data, so that data made by an ordinary user stays theirs; else the
    system user `niangjia`, created when missing.
    """
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account.other(owner.st_uid, owner.st_gid)
    return _system_user()


def _system_user() -> Account:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        try:
            made = subprocess.run([*command, SYSTEM_USER], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise RuntimeError(
                f"run this as an ordinary user, or create a system user {SYSTEM_USER!r} first: "
                "PostgreSQL refuses to run as root, and useradd is not installed"
            ) from None
        try:
            entry = pwd.getpwnam(SYSTEM_USER)  # a second process may have made it meanwhile
        except KeyError:
            raise RuntimeError(f"cannot create the system user {SYSTEM_USER!r}: {made.stderr}") from None
    return Account.other(entry.pw_uid, entry.pw_gid)


def own_folder(folder: Path, account: Account) -> None:
    """Make the folder if it is missing; open to its owner alone."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        account.own(folder)


def own_file(path: Path, account: Account, text: str) -> None:
    """Write a file that its owner alone can read; it is never seen half written."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
        account.own(file.fileno())
    Path(file.name).replace(path)


def reachable(path: Path) -> bool:
    """Whether every user may pass through all folders above the path."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def installed(package: str, account: Account) -> Path:
    """The folder of an installed package, as the account can reach it.

    When the environment lies in a closed folder, a copy is kept under /var/cache/niangjia, writable by root
    alone, one for each version of the package.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {package} is not installed")
    folder = Path(spec.origin).resolve().parent
    if account.is_callers or reachable(Path(spec.origin)):
        return folder
    kept = PROGRAMS / f"{package}-{version(package)}"
    if not kept.exists():
        _copy(folder, kept)
    return kept / package


def _copy(folder: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.parent.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    # A wheel's shared libraries lie in a second folder beside the package, found by relative path.
    for part in (folder, folder.with_name(f"{folder.name}.libs")):
        if part.exists():
            shutil.copytree(part, fresh / part.name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):  # where root's umask is strict the originals are closed too
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        fresh.rename(kept)
    except OSError:
        shutil.rmtree(fresh)
        if not kept.exists():  # else another process was faster, with the same content
            raise
