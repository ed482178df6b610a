"""What a decision on a loan knows from outside: the borrower as the registry has them, and the rules."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from services.loan.assessment import AssessedLimit, LimitInputs
from services.loan.refusals import MEANS_ERASED, NO_CONSENT, NOT_A_MEMBER, NOT_ELIGIBLE, NOT_YOUR_BANK, NOT_YOURS
from services.loan.rules import Policy, Rulebook
from shared.eventsourcing.decider import SHANGHAI, Facts
from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.loan import BankCode, Borrower, Rate, Tier
from shared.schemas.messages import Instant

__all__ = ["HeldTitle", "LoanFacts", "MemberFacts", "assessed", "end_of", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTitle:
    """A title granted to a member (honour), held from `since` to `until`, or until it was revoked."""

    title: str
    since: date
    until: date | None = None
    """The last day."""
    revoked_on: date | None = None
    """No longer held on this day."""

    def is_held(self, on: date) -> bool:
        return (
            self.since <= on
            and (self.until is None or on <= self.until)
            and (self.revoked_on is None or on < self.revoked_on)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """A member as the registry has them; someone whose membership has ended is none."""

    member_id: MemberId
    union_id: UnionId
    household_id: HouseholdId
    skilled: bool = False
    titles: tuple[HeldTitle, ...] = ()
    shares_with: Set[str] = frozenset()
    """Codes of the banks that the member's consent to share with is in force for today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanFacts(Facts):
    """`member` is the borrower, None for somebody the registry does not have as a member now."""

    rulebook: Rulebook
    """The shipped rules, with all rates published since."""
    member: MemberFacts | None = None
    acts_for: Set[UnionId] = field(default_factory=frozenset)
    """The unions whose cadre the actor is."""
    means: Borrower | None = None
    """What the member told when filing, for a new assessment of it; None where it can be read no more."""

    @property
    def policy(self) -> Policy:
        """Of the federation, today. Refused (`no_policy`) where there is none."""
        return self.rulebook.at(self.federation, self.today)

    @property
    def borrower(self) -> MemberFacts:
        """Refused (`not_a_member`)."""
        if self.member is None:
            raise NOT_A_MEMBER()
        return self.member

    @property
    def known_means(self) -> Borrower:
        """Refused (`means_erased`)."""
        if self.means is None:
            raise MEANS_ERASED()
        return self.means

    @property
    def tier(self) -> Tier | None:
        """Of the borrower, today; None for one who may not borrow."""
        if self.member is None:
            return None
        held = [title.title for title in self.member.titles if title.is_held(self.today)]
        return self.policy.tier_of(held, self.member.skilled)

    def eligible_tier(self) -> Tier:
        """Refused (`not_a_member`, `not_eligible`)."""
        self.borrower  # noqa: B018 - refuses
        if (tier := self.tier) is None:
            raise NOT_ELIGIBLE()
        return tier

    def must_be(self, member: MemberId) -> None:
        """Refused (`not_yours`) unless the actor is that member."""
        if self.actor.id != str(member):
            raise NOT_YOURS()

    def must_be_bank(self, bank: BankCode) -> None:
        """Refused (`not_your_bank`) unless the actor is that bank."""
        if self.actor.id != bank:
            raise NOT_YOUR_BANK(bank=bank)

    def must_have_consent(self, bank: BankCode) -> None:
        """Refused (`no_consent`) unless the borrower lets the bank have their data."""
        if bank not in self.borrower.shares_with:
            raise NO_CONSENT(bank=bank)

    def line_rate(self, tier: Tier, months: int) -> Rate:
        """Of a tier today, for a line of so many months: that of the longest draw under it."""
        policy = self.policy
        longest = min(months, policy.terms.product.longest_months)
        return Rate.model_validate(policy.rate(tier, longest, self.today))

    def days_ahead(self, days: int) -> Instant:
        """The end, in China, of the day that many days from today."""
        return end_of(self.today + timedelta(days=days))


def end_of(day: date) -> Instant:
    """The instant at which a day is over in China."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)


def assessed(policy: Policy, tier: Tier, borrower: Borrower) -> AssessedLimit:
    """Refused for a purpose or standing that the rules do not know."""
    return policy.assess(
        tier,
        LimitInputs(
            cycle_months=borrower.cycle_months,
            standing=borrower.standing,
            purpose=borrower.purpose,
            purpose_cost=borrower.purpose_cost,
            monthly_income=borrower.monthly_income,
            monthly_obligations=borrower.monthly_obligations,
        ),
    )


def plain(percent: Decimal) -> str:
    """A rate for people: `plain(Decimal("4.350000")) == "4.35"`."""
    return f"{percent.normalize():f}"
