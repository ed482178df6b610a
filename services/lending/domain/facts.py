"""What a decision on lending knows from outside: the rules, the borrower as the registry has them, whose cadre acts."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.lending.refusals import NOT_YOUR_UNION, SCANNED_AHEAD, SCANNED_LONG_AGO
from services.lending.rules import KindTerms, Policy, policy_at
from shared.eventsourcing.decider import Facts
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.lending import Kind
from shared.schemas.messages import Role

__all__ = ["LendingFacts", "MemberFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """A member as the registry has them; someone whose membership has ended is none."""

    member_id: MemberId
    union_id: UnionId


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingFacts(Facts):
    member: MemberFacts | None = None
    """The borrower, None for somebody the registry does not have as a member now."""
    acts_for: Set[UnionId] = field(default_factory=frozenset)
    """The unions whose cadre the actor is."""

    @property
    def policy(self) -> Policy:
        """Of the federation, today. Refused (`no_policy`) where there is none."""
        return policy_at(self.federation, self.today)

    def terms(self, kind: Kind) -> KindTerms:
        """Refused (`no_policy`, `unknown_kind`)."""
        return self.policy.of(kind)

    def scanned(self, at: datetime | None) -> datetime:
        """When a scan was made: at its own instant, and not later than now.

        Refused (`scanned_ahead`, `scanned_long_ago`) where the device's clock or the scan's age is beyond the rules.
        """
        if at is None:
            return self.now
        offline = self.policy.offline
        if at > self.now + timedelta(minutes=offline.ahead_minutes):
            raise SCANNED_AHEAD(scanned_at=at.isoformat())
        if at < self.now - timedelta(hours=offline.latest_hours):
            raise SCANNED_LONG_AGO(scanned_at=at.isoformat(), hours=offline.latest_hours)
        return min(at, self.now)

    def must_keep(self, *unions: UnionId) -> None:
        """Refused (`not_your_union`) where the actor is a cadre of none of these unions."""
        if self.actor.role is Role.CADRE and not self.acts_for & set(unions):
            raise NOT_YOUR_UNION()
