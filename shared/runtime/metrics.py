"""What Prometheus is told of a service. Labels are names from the code, never ids: their number stays small.

`deploy/monitoring` has rules and a dashboard over these names; its tests hold them to each other.
"""

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "COMMANDS",
    "COMMAND_SECONDS",
    "FAILING",
    "LAG_EVENTS",
    "LAG_SECONDS",
    "LEADING",
    "LETTERS",
    "LETTERS_AGE",
    "POSITION",
    "PROVIDER_MESSAGES",
    "PROVIDER_OPEN",
    "QUERIES",
    "QUERY_SECONDS",
    "REACTIONS",
    "REACTION_SECONDS",
    "READY",
    "STREAM_BYTES",
    "TIMERS_LAG",
    "TIMERS_LATE",
    "labelled",
]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

READY = Gauge("niangjia_ready", "1 where the service is ready", ("programme",))
FAILING = Gauge(
    "niangjia_part_failing", "1 for each part that keeps the service from being ready", ("programme", "part")
)

COMMANDS = Counter("niangjia_commands_total", "Commands by what became of them", ("programme", "command", "outcome"))
COMMAND_SECONDS = Histogram(
    "niangjia_command_seconds", "From a command's arrival to its reply", ("programme", "command"), buckets=SECONDS
)
QUERIES = Counter("niangjia_queries_total", "Queries by what became of them", ("programme", "query", "outcome"))
QUERY_SECONDS = Histogram(
    "niangjia_query_seconds", "From a query's arrival to its answer", ("programme", "query"), buckets=SECONDS
)
REACTIONS = Counter(
    "niangjia_reactions_total", "Events reacted to, by what became of it", ("programme", "consumer", "outcome")
)
REACTION_SECONDS = Histogram(
    "niangjia_reaction_seconds", "How long it took to react to an event", ("programme", "consumer"), buckets=SECONDS
)

POSITION = Gauge(
    "niangjia_position", "Where the log stands, and each of those that follow it", ("programme", "follower")
)
LAG_EVENTS = Gauge(
    "niangjia_lag_events",
    "Events that wait for a follower: relay, seal, timers, a view or a consumer",
    ("programme", "kind", "follower"),
)
LAG_SECONDS = Gauge("niangjia_lag_seconds", "How long the first of them has waited", ("programme", "kind", "follower"))
STREAM_BYTES = Gauge("niangjia_stream_bytes", "What the service's JetStream stream holds", ("programme",))
LETTERS = Gauge("niangjia_letters", "Events that could not be reacted to, by state", ("programme", "consumer", "state"))
LETTERS_AGE = Gauge(
    "niangjia_letters_oldest_seconds", "How long ago the first of them happened", ("programme", "consumer", "state")
)
LEADING = Gauge("niangjia_leading", "1 where this instance leads", ("programme", "role"))
TIMERS_LATE = Gauge("niangjia_timers_late", "Timers that are due and have not fired", ("programme",))
TIMERS_LAG = Gauge("niangjia_timers_lag_seconds", "How long the oldest of them has been due", ("programme",))

PROVIDER_MESSAGES = Counter(
    "niangjia_provider_messages_total",
    "Messages handed to a provider, by what it said",
    ("programme", "channel", "provider", "outcome"),
)
PROVIDER_OPEN = Gauge(
    "niangjia_provider_open",
    "1 where messages go to a provider side by side, 0 while it is in doubt",
    ("programme", "channel", "provider"),
)


@cache
def labelled[M: (Counter, Histogram)](metric: M, *labels: str) -> M:
    """`metric.labels(…)` of what is counted with each message: Prometheus takes ten times as long to find it."""
    return metric.labels(*labels)
