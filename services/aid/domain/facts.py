"""What a decision on mutual aid knows from outside: workers as the registry has them, accounts, and the rules."""

from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from services.aid import refusals
from services.aid.domain.claim import Claim
from services.aid.rules import Rulebook
from shared.eventsourcing.decider import SHANGHAI, Facts
from shared.schemas.aid import BankAccount, ClaimId, InvoiceNumber, SchemeTerms
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Instant
from shared.schemas.personal import Personal

__all__ = ["AccountOnRecord", "AidFacts", "Concerned", "FactsOf", "Worker", "end_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker as the registry has them, also when they are no member any more."""

    member_id: MemberId
    employer_id: EmployerId
    union_id: UnionId
    active: bool = True
    """Whether they are a member now."""
    deceased: bool = False
    agents: Mapping[str, str] = field(default_factory=dict)
    """Ids of the actors whom the worker lets act on their behalf today, each with the reference of that consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOnRecord:
    account: Personal[BankAccount]
    recorded_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class AidFacts(Facts):
    """`worker` is whom the claim or the cover is of."""

    rulebook: Rulebook
    """The shipped rules, with all versions published since."""
    worker: Worker | None = None
    workers: Mapping[MemberId, Worker] = field(default_factory=dict)
    """Those whom an enrolment names, or a renewal concerns, as far as the registry has them."""
    account: AccountOnRecord | None = None
    """To which the claim is paid: the worker's, or that of the successor who was named."""
    not_admitted: Mapping[InvoiceNumber, ClaimId | None] = field(default_factory=dict)
    """Of the claim's invoices those that the city has not admitted, where there is one to ask, each with the claim of
    another county that it counts for, if so."""
    acts_for: Set[UnionId] = field(default_factory=frozenset)
    """The unions whose cadre the actor is."""
    acts_for_employers: Set[EmployerId] = field(default_factory=frozenset)

    def handles(self, terms: SchemeTerms) -> bool:
        """Whether the federation that is asked is of the pool: any of its counties may do the work."""
        return self.federation == terms.pool or self.federation in terms.counties

    def day(self, on: date | None) -> date:
        """Of something that has happened: today, where it isn't said. Refused (`after_today`)."""
        if on is not None and on > self.today:
            raise refusals.AFTER_TODAY(on=on.isoformat(), today=self.today.isoformat())
        return on or self.today

    def days_ahead(self, days: int) -> Instant:
        """The end, in China, of the day that many days from today."""
        return end_of(self.today + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Concerned:
    """About whom facts are wanted."""

    subject: MemberId | None = None
    """Whose claim, cover or appointment it is."""
    roster: tuple[MemberId, ...] = ()
    """Those whom an enrolment names, or a renewal may take along."""
    claim: Claim | None = None
    """Where it names a successor, `AidFacts.account` is the successor's: see `SuccessorNamed`."""


type FactsOf = Callable[[Concerned], Awaitable[AidFacts]]
"""What is known from outside, with the same rulebook and federation."""


def end_of(day: date) -> datetime:
    """The instant at which a day is over in China, 24:00: what is done at it is done on the next day."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
