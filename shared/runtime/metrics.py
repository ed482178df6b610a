"""What Prometheus is told of a service. Labels are names from the code, never ids: their number stays small."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "COMMANDS",
    "COMMAND_SECONDS",
    "LEADING",
    "LETTERS",
    "POSITION",
    "QUERY_SECONDS",
    "REACTIONS",
    "TIMERS_LAG",
    "TIMERS_LATE",
]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

COMMANDS = Counter("niangjia_commands_total", "Commands by what became of them", ("programme", "command", "outcome"))
COMMAND_SECONDS = Histogram(
    "niangjia_command_seconds", "From a command's arrival to its reply", ("programme", "command"), buckets=SECONDS
)
QUERY_SECONDS = Histogram(
    "niangjia_query_seconds", "From a query's arrival to its answer", ("programme", "query"), buckets=SECONDS
)
REACTIONS = Counter(
    "niangjia_reactions_total", "Events reacted to, by what became of it", ("programme", "consumer", "outcome")
)
POSITION = Gauge(
    "niangjia_position", "Where the log stands, and each of those that follow it", ("programme", "follower")
)
LETTERS = Gauge("niangjia_letters", "Events that could not be reacted to, by state", ("programme", "consumer", "state"))
LEADING = Gauge("niangjia_leading", "1 where this instance leads", ("programme", "role"))
TIMERS_LATE = Gauge("niangjia_timers_late", "Timers that are due and have not fired", ("programme",))
TIMERS_LAG = Gauge("niangjia_timers_lag_seconds", "How long the oldest of them has been due", ("programme",))
