"""The programme's rules: what is lent and for how long, read from `rules/*.toml`, by federation and day."""

import tomllib
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from services.lending.refusals import NO_POLICY, UNKNOWN_KIND
from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.lending import CareStep, Kind
from shared.schemas.messages import Federation, Text

__all__ = ["BadRules", "KindTerms", "Offline", "Policy", "policy_at", "read_rules"]

SHIPPED: Final = Path(__file__).parent / "rules"


class BadRules(ValueError):
    """A rules file cannot be used; the message names the file and what is wrong in it."""


class _Terms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KindTerms(_Terms):
    """How items of a kind are lent."""

    kind: Kind
    name: Text
    loan_hours: PositiveInt
    remind_hours_before: PositiveInt
    escalate_hours_after: NonNegativeInt
    extension_hours: PositiveInt
    extensions: NonNegativeInt
    care: tuple[CareStep, ...]

    @property
    def lent_for(self) -> timedelta:
        return timedelta(hours=self.loan_hours)

    @property
    def extended_by(self) -> timedelta:
        return timedelta(hours=self.extension_hours)

    def remind_at(self, due: datetime) -> datetime:
        return due - timedelta(hours=self.remind_hours_before)

    def escalate_at(self, due: datetime) -> datetime:
        return due + timedelta(hours=self.escalate_hours_after)


class Offline(_Terms):
    latest_hours: PositiveInt
    ahead_minutes: NonNegativeInt


class Policy(_Terms):
    """A federation's rules from a day on."""

    federation: Federation
    version: str
    effective_from: date
    digest_at: time
    offline: Offline
    kinds: Annotated[tuple[KindTerms, ...], Field(min_length=1)]

    def of(self, kind: Kind) -> KindTerms:
        """Refused (`unknown_kind`)."""
        for terms in self.kinds:
            if terms.kind == kind:
                return terms
        raise UNKNOWN_KIND(kind=kind)

    def next_digest(self, now: datetime) -> datetime:
        """The first instant after `now` at which digests are sent."""
        today = datetime.combine(now.astimezone(SHANGHAI).date(), self.digest_at, SHANGHAI)
        return today if today > now else today + timedelta(days=1)


def read_rules(folder: Path) -> dict[Federation, tuple[Policy, ...]]:
    """Every federation's policies, the earliest first. Raises BadRules."""
    policies: dict[Federation, list[Policy]] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            policy = Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise BadRules(f"{path.name}: {error}") from error
        known = policies.setdefault(policy.federation, [])
        if any(other.effective_from == policy.effective_from for other in known):
            raise BadRules(f"{path.name}: two policies of {policy.federation} from {policy.effective_from}")
        known.append(policy)
    return {code: tuple(sorted(known, key=lambda one: one.effective_from)) for code, known in policies.items()}


@cache
def _shipped() -> dict[Federation, tuple[Policy, ...]]:
    return read_rules(SHIPPED)


def policy_at(federation: Federation, on: date) -> Policy:
    """The shipped rules in force in a federation on a day. Refused (`no_policy`) where there are none."""
    in_force = [policy for policy in _shipped().get(federation, ()) if policy.effective_from <= on]
    if not in_force:
        raise NO_POLICY(federation=federation, on=on.isoformat())
    return in_force[-1]
