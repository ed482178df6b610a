"""What a service says of itself at `/metrics`, as figures to show: read twice, it gives rates."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

__all__ = ["Figures", "Lag", "figures_at"]

LIMIT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a follower is behind."""

    kind: str
    follower: str
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The samples of one moment, and those of one before for rates."""

    at: float
    samples: tuple[Sample, ...]
    before: Self | None = None

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(sample.value for sample in self._of(name, labels))

    def by(self, name: str, *by: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The sums by some labels."""
        sums: dict[tuple[str, ...], float] = {}
        for sample in self._of(name, labels):
            key = tuple(sample.labels[label] for label in by)
            sums[key] = sums.get(key, 0) + sample.value
        return sums

    def rate(self, name: str, **labels: str) -> float | None:
        """A counter's growth a second; None where there is no moment before."""
        if self.before is None:
            return None
        return (self.value(name, **labels) - self.before.value(name, **labels)) / (self.at - self.before.at)

    def quantile(self, name: str, part: float) -> float | None:
        """The upper bound in seconds of the bucket in which this part of a histogram ends, of what came since the
        moment before; None where nothing came."""
        was = self.before.by(f"{name}_bucket", "le") if self.before is not None else {}
        counts = {float(le): count - was.get((le,), 0.0) for (le,), count in self.by(f"{name}_bucket", "le").items()}
        total = counts.get(float("inf"), 0.0)
        if not total:
            return None
        return next(le for le, count in sorted(counts.items()) if count >= part * total)

    def lags(self) -> list[Lag]:
        """Every follower, those that are furthest behind first."""
        seconds = self.by("niangjia_lag_seconds", "kind", "follower")
        lags = [
            Lag(kind, follower, int(events), seconds.get((kind, follower), 0.0))
            for (kind, follower), events in self.by("niangjia_lag_events", "kind", "follower").items()
        ]
        return sorted(lags, key=lambda lag: (-lag.seconds, -lag.events, lag.kind, lag.follower))

    def _of(self, name: str, labels: dict[str, str]) -> Iterator[Sample]:
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample


async def figures_at(http: httpx.AsyncClient, address: str, before: Figures | None = None) -> Figures | None:
    """Of a service's `http://host:port`; None where it does not answer."""
    try:
        reply = await http.get(f"{address}/metrics", timeout=LIMIT)
        reply.raise_for_status()
    except httpx.HTTPError:
        return None
    samples = tuple(sample for family in text_string_to_metric_families(reply.text) for sample in family.samples)
    earlier = Figures(before.at, before.samples) if before is not None else None
    return Figures(time.monotonic(), samples, earlier)
