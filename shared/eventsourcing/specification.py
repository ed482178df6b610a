"""Specifications that read as sentences: given these events, when this command, then these events, or a refusal.

loan = Specification(line.fold, decide, FACTS)
loan.given(requested(900)).when(Approve(by=LI)).then(Approved(by=LI))
loan.given(requested(900, by=LI)).when(Approve(by=LI)).refused("own_loan")
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from shared.eventsourcing.decider import Decide, Facts
from shared.schemas.messages import Event, Refusal, Refused

__all__ = ["Specification"]


@dataclass(frozen=True)
class Specification[C, S, E: Event, F: Facts]:
    """Of a decider: `fold` turns a history into its state; `facts` are those that a test does not name."""

    fold: Callable[[Iterable[E]], S]
    decide: Decide[C, S, E, F]
    facts: F

    def given(self, *history: E) -> "Given[C, S, E, F]":
        return Given(self, history)


@dataclass(frozen=True)
class Given[C, S, E: Event, F: Facts]:
    specification: Specification[C, S, E, F]
    history: tuple[E, ...]

    @property
    def state(self) -> S:
        return self.specification.fold(self.history)

    def when(self, command: C, **facts: Any) -> "Outcome[E]":
        """Decide with the facts named here in place of the usual ones."""
        known = replace(self.specification.facts, **facts)
        try:
            events = list(self.specification.decide(command, self.state, known))
        except Refused as refused:
            return Outcome((), refused.refusal)
        self.specification.fold((*self.history, *events))  # what is decided can be folded
        return Outcome(tuple(events), None)


@dataclass(frozen=True)
class Outcome[E: Event]:
    events: tuple[E, ...]
    refusal: Refusal | None

    def then(self, *expected: E) -> None:
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == expected, f"\nexpected {expected}\n     got {self.events}"

    def nothing(self) -> None:
        """Accepted, and nothing changes."""
        self.then()

    def refused(self, code: str, clause: str | None = None) -> Refusal:
        assert self.refusal is not None, f"not refused, but {self.events}"
        assert self.refusal.code == code, f"expected {code}, got {self.refusal}"
        assert clause is None or self.refusal.clause == clause, self.refusal
        return self.refusal
