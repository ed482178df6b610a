"""One-stop settlement, a quote and its confirmation each, over NATS.

- At a hundred a second: settlements begin at their appointed instants, whether or not earlier ones are done; each is
  timed from its appointed instant, so that one that had to wait is not counted as quick.
- As many as it takes: callers who each make the next when the last is done.
- Two hundred at once on one worker's account: what they are granted comes to the ceiling exactly.
"""

import asyncio
import time
from itertools import count
from statistics import median, quantiles
from typing import Final

from shared.schemas.aid import (
    Care,
    ConfirmSettlement,
    CoverAnswer,
    QuoteSettlement,
    ShowCover,
)
from shared.schemas.messages import Actor, Refused, Role
from shared.schemas.money import Fen, cny
from shared.schemas.personal import Personal
from tests.bench.aid_county import PERIOD, STAY, County, covered_county
from tests.bench.harness import Pace, callers, require
from tests.bench.report import Finding

__all__ = ["Hospital", "measure"]

HOSPITAL: Final = Actor(role=Role.HOSPITAL, id="dyrmyy")
WORKERS: Final = 200
CALLERS: Final = 32
A_SECOND: Final = 100.0
"""The aim, and the pace of the first measurement."""
AT_ONCE: Final = 200
LIGHT: Final[Fen] = 600_00
"""Of a bill: the ceiling is never met."""
HEAVY: Final[Fen] = 1_500_00
"""Of each of two hundred bills that together are above the ceiling."""


async def measure(pace: Pace) -> list[Finding]:
    async with covered_county(WORKERS) as county:
        hospital = Hospital(county)
        await callers(CALLERS, pace.seconds, hospital.settle)
        seconds = await hospital.on_time(A_SECOND, pace.rounds * pace.seconds)
        rates = [await callers(CALLERS, pace.seconds, hospital.settle) for _ in range(pace.rounds)]
        await hospital.check()
        at_once, granted, refused = await hospital.all_at_once(AT_ONCE)
    percentiles = quantiles(seconds, n=100)
    p50, p99 = (1000 * percentiles[at] for at in (49, 98))
    latency = {"p50": f"{p50:.1f} ms", "p99": f"{p99:.1f} ms", "slowest": f"{1000 * max(seconds):.0f} ms"}
    ceiling = {"granted": cny(granted), "reduced to nothing": str(refused)}
    return [
        Finding("mutual aid", "quote + confirm at 100 a second, p99", latency, p99, " ms", None, "less"),
        Finding("mutual aid", "quotes + confirmations", {"callers": str(CALLERS)}, median(rates), "/s", A_SECOND),
        Finding("mutual aid", f"{AT_ONCE} claims at once on one account", ceiling, AT_ONCE / at_once, "/s"),
    ]


class Hospital:
    """Keeps what it has settled."""

    def __init__(self, county: County) -> None:
        self._county = county
        self._numbers = count(1)
        self.settled: list[int] = []
        """Of each settlement, the number of the worker."""

    async def settle(self, _caller: int = 0, _turn: int = 0) -> None:
        number = next(self._numbers)
        await self._settle(number, number % (WORKERS - 1), LIGHT)
        self.settled.append(number % (WORKERS - 1))

    async def on_time(self, a_second: float, seconds: float) -> list[float]:
        """Seconds that each took, from its appointed instant."""
        began = time.perf_counter() + 0.1

        async def one(number: int) -> float:
            appointed = began + number / a_second
            await asyncio.sleep(max(0.0, appointed - time.perf_counter()))
            await self.settle()
            return time.perf_counter() - appointed

        return await asyncio.gather(*(one(number) for number in range(round(a_second * seconds))))

    async def all_at_once(self, claims: int) -> tuple[float, Fen, int]:
        """On the account of one worker: the seconds it took, what was granted, and how many came too late for any."""
        last = WORKERS - 1

        async def one() -> bool:
            try:
                await self._settle(next(self._numbers), last, HEAVY)
            except Refused as refused:
                require(refused.refusal.code == "nothing_to_pay", f"refused: {refused.refusal.code}")
                return False
            return True

        began = time.perf_counter()
        granted = await asyncio.gather(*(one() for _ in range(claims)))
        seconds = time.perf_counter() - began
        cover = await self._cover(last)
        require(
            (cover.settled, cover.reserved, cover.left) == (cover.ceiling, 0, 0),
            f"settled {cny(cover.settled)}, reserved {cny(cover.reserved)} of {cny(cover.ceiling)}",
        )
        return seconds, cover.settled, granted.count(False)

    async def check(self) -> None:
        """Every worker was granted as often as they were settled for."""
        every = await asyncio.gather(*(self._cover(worker) for worker in range(WORKERS - 1)))
        each = max(cover.settled for cover in every) // max(map(self.settled.count, range(WORKERS - 1)))
        for worker, cover in enumerate(every):
            must = each * self.settled.count(worker)
            require(cover.settled == must, f"settled {cny(cover.settled)}, not {cny(must)}")

    async def _settle(self, number: int, worker: int, self_paid: Fen) -> None:
        settlement = f"JS{number:08d}"
        quote = QuoteSettlement(
            hospital=HOSPITAL.id,
            settlement_number=settlement,
            member_id=self._county.workers[worker].member_id,
            care=Care.INPATIENT,
            admitted_on=STAY[0],
            discharged_on=STAY[1],
            bill=self._county.bill(self_paid),
            diagnosis=Personal("肺炎"),
            authorisation=f"授权书-{number}",
        )
        await self._county.wire.send("aid", HOSPITAL, quote, settlement)
        confirm = ConfirmSettlement(hospital=HOSPITAL.id, settlement_number=settlement)
        await self._county.wire.send("aid", HOSPITAL, confirm, settlement)

    async def _cover(self, worker: int) -> CoverAnswer:
        who = self._county.workers[worker]
        show = ShowCover(member_id=who.member_id, period=PERIOD)
        answer: CoverAnswer = await self._county.wire.ask(who.acting(), show, self._county.wire.seen)
        return answer
