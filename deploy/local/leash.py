"""Children that end with the process that started them, however that one ends.

Run as a program of its own, it takes on an account, has the kernel (Linux) send the process a signal when the thread
that started it ends, and becomes the command that was given. Doing the same between fork and exec, in Python, is not
safe in a process with threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

__all__ = ["leashed"]

PR_SET_PDEATHSIG = 1


def leashed(
    command: Sequence[str],
    number: signal.Signals | None,
    uid: int | None = None,
    gid: int | None = None,
    groups: Sequence[int] | None = None,
) -> list[str]:
    """The command line that runs `command` on a leash, under another account where one is given.

    Without a signal the process goes on by itself when its parent ends.
    """
    account = [str(uid), str(gid), ",".join(map(str, groups or ()))] if uid is not None else ["", "", ""]
    ours = [sys.executable, "-I", "-S", __file__]
    return [*ours, str(int(number or 0)), str(os.getpid()), *account, *command]


def _become(number: str, parent: str, uid: str, gid: str, groups: str, *command: str) -> None:
    if uid:
        os.setgroups([int(group) for group in groups.split(",") if group])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux" and int(number):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))  # after setuid, which would undo it
        if os.getppid() != int(parent):
            sys.exit(1)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and what is ignored stays so beyond exec
        signal.signal(ignored, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    _become(*sys.argv[1:])
