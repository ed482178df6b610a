"""`make faults SECONDS=1800 SEED=7`: a long run. Without a seed one is drawn, and printed."""

import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from deploy.local.terminal import err
from tests.faults.run import run
from tests.faults.schedule import Profile

SECONDS: Final = 300.0


def main() -> int:
    """0 where all held. Else 1, and the system's data and logs are kept."""
    seed = int(os.environ.get("SEED") or random.randrange(2**32))
    seconds = float(os.environ.get("SECONDS") or SECONDS)
    home = Path(tempfile.mkdtemp(prefix="niangjia-faults-"))
    os.environ["NIANGJIA_HOME"] = str(home)
    err.quiet = True  # no progress bars between the lines
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    say(f"SEED={seed} SECONDS={seconds:g}, data and logs under {home}")
    outcome = uvloop.run(run(home, seed, Profile.of(seconds), say))
    for line in outcome.lines():
        print(line)
    if outcome.wrong:
        print(f"kept: {home}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
