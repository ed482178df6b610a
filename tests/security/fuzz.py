"""`make fuzz SECONDS=60`: atheris, guided by what our code does with it, looks for bytes that parsing neither reads nor
refuses. What it finds is printed, and left under `.tools/` as `crash-…`."""

import os
import sys
from random import Random
from typing import Final

import atheris

with atheris.instrument_imports(include=["shared"]):
    from shared.runtime.envelope import Envelope, parse
    from shared.schemas.messages import Refused
    from tests.security.hostile import LANGUAGES, Maker, encoded, kinds_of, spoiled

KINDS: Final = [kind for language in LANGUAGES.values() for kind in kinds_of(language)]


def _must_be_malformed(refused: Refused) -> None:
    assert refused.refusal.code == "malformed"


def once(data: bytes) -> None:
    given = atheris.FuzzedDataProvider(data)
    kind = KINDS[given.ConsumeIntInRange(0, len(KINDS) - 1)]
    headers = {name: given.ConsumeUnicode(40) for name in ("actor", "command-id", "sent-at") if given.ConsumeBool()}
    random = Random(given.ConsumeInt(8))
    made = bytearray(encoded(spoiled(random, Maker(random).message(kind))))
    for _ in range(given.ConsumeIntInRange(0, 4)):
        made[given.ConsumeIntInRange(0, len(made) - 1)] = given.ConsumeIntInRange(0, 255)
    for body in (bytes(made), given.ConsumeBytes(4096)):
        try:
            Envelope.received(given.ConsumeUnicode(8), headers)
        except Refused as refused:
            _must_be_malformed(refused)
        try:
            parse(kind, body)
        except Refused as refused:
            _must_be_malformed(refused)


if __name__ == "__main__":
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={os.environ.get('SECONDS', '60')}",
            "-max_len=8192",
            "-artifact_prefix=.tools/",
        ],
        once,
    )
    atheris.Fuzz()
