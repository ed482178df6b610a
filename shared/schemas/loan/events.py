"""What happens to applications, lines, households' caps and tables of rates.

People stand in them by id alone. What they tell of their means, and what is found of it, is `Personal`, of the member;
the amounts that follow from it (assessed, granted, owed) are the programme's account and stand in clear. Those with a
`bank` that `addressed_to` names are published to that bank, and say nothing that is `Personal`.
"""

from datetime import date
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import Field

from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.loan.terms import (
    Allocation,
    ApplicationId,
    BankCode,
    Borrower,
    Component,
    DrawId,
    DrawTerms,
    Finding,
    Ground,
    InstalmentNumber,
    LineId,
    Rate,
    RateBand,
    RepaymentId,
    Stage,
    Tier,
)
from shared.schemas.messages import Event, Instant, Role
from shared.schemas.money import AnnualPercent, Fen, NonNegativeFen, PositiveFen
from shared.schemas.personal import Personal

__all__ = [
    "UPCASTERS",
    "ApplicationEnded",
    "ApplicationEvent",
    "ApplicationFiled",
    "ApplicationLapsed",
    "ApplicationNoted",
    "ApplicationReassessed",
    "ApplicationRecommended",
    "ApplicationRejected",
    "ApplicationWithdrawn",
    "CapChanged",
    "CapReleased",
    "CapReserved",
    "CreditApplied",
    "CreditRefunded",
    "DrawDisbursed",
    "DrawdownCancelled",
    "DrawdownExpired",
    "DrawdownRefused",
    "DrawdownRequested",
    "EndorsementWithdrawn",
    "HouseholdEvent",
    "InstalmentCured",
    "InstalmentFellDue",
    "InstalmentOverdue",
    "LimitChanged",
    "LineClosed",
    "LineEvent",
    "LineExpired",
    "LineFrozen",
    "LineMoved",
    "LineOpened",
    "LineRetiered",
    "LineUnfrozen",
    "LoanAccepted",
    "LoanDeclined",
    "LoanEndorsed",
    "RatesEvent",
    "RatesPublished",
    "RepaymentReallocated",
    "RepaymentReceived",
    "RepaymentReversed",
]


# An application, from its filing to the bank's answer


class ApplicationEvent(Event):
    """Kept in the stream of the application."""

    application_id: ApplicationId


class ApplicationFiled(ApplicationEvent):
    """A member asks for a line of `amount`; the rules allow `assessed`, for the reasons in `findings`."""

    schema_version: ClassVar[int] = 2
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: BankCode
    borrower: Personal[Borrower]
    amount: PositiveFen
    tier: Tier
    cap: Fen
    assessed: Fen
    findings: Personal[tuple[Finding, ...]]
    rate: Rate
    """Of the tier, for the line's whole term."""
    recommend_by: Instant
    """Unless recommended before then, the application lapses."""


class ApplicationRecommended(ApplicationEvent):
    member_id: MemberId
    by: str
    """Id of the actor."""
    endorse_by: Instant


class ApplicationReassessed(ApplicationEvent):
    """The reasons for what an endorsement finds that the rules allow; recorded with it, and kept in the house."""

    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    findings: Personal[tuple[Finding, ...]]


class LoanEndorsed(ApplicationEvent):
    """The union stands behind the member: the bank is asked to decide. Tier, cap and assessment are of this day; what
    the assessment rests on, and its reasons, are told on request (`ShowApplication`)."""

    schema_version: ClassVar[int] = 2
    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    by: str
    """Id of the actor."""
    amount: PositiveFen
    tier: Tier
    cap: Fen
    assessed: Fen
    rate: Rate
    answer_by: Instant


class ApplicationRejected(ApplicationEvent):
    """By the grassroots union or the federation, at the stage that was theirs."""

    member_id: MemberId
    stage: Stage
    ground: Ground
    by: str
    """Id of the actor."""


class ApplicationWithdrawn(ApplicationEvent):
    """By the member."""

    member_id: MemberId
    stage: Stage


class ApplicationLapsed(ApplicationEvent):
    """Nobody took the step in time."""

    member_id: MemberId
    stage: Stage


class EndorsementWithdrawn(ApplicationEvent):
    """Tells the bank that there is nothing to decide any more."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId


class LoanAccepted(ApplicationEvent):
    """By the bank; the line opens with it."""

    member_id: MemberId
    bank: BankCode
    line_id: LineId
    limit: PositiveFen
    months: int
    annual_percent: AnnualPercent


class LoanDeclined(ApplicationEvent):
    """By the bank."""

    member_id: MemberId
    bank: BankCode
    ground: Ground


# A line, from its opening to its close


class LineEvent(Event):
    """Kept in the stream of the line."""

    line_id: LineId


class LineOpened(LineEvent):
    schema_version: ClassVar[int] = 2

    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: BankCode
    tier: Tier
    limit: PositiveFen
    annual_percent: AnnualPercent
    """What the bank granted: no draw costs more while the member is of this tier or a higher one."""
    allocation: tuple[Component, ...]
    """The order in which money pays what is due."""
    opened_on: date
    expires_on: date
    """The last day of draws."""


class LineRetiered(LineEvent):
    """A title granted or revoked, or a change in the household: new draws take these terms, or there are none."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    tier: Tier | None
    cap: Fen
    """Zero with `tier` None."""
    ceiling: NonNegativeFen
    """New draws may not take what is used beyond this, nor beyond the limit."""


class LineMoved(LineEvent):
    """The member is of another household now, and the line counts there."""

    member_id: MemberId
    household_id: HouseholdId
    from_household_id: HouseholdId


class LimitChanged(LineEvent):
    member_id: MemberId
    limit: PositiveFen
    was: Fen
    ceiling: NonNegativeFen
    """See LineRetiered."""


class LineFrozen(LineEvent):
    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    by: Role
    """The bank or the federation; the line stays frozen until each that froze it has lifted it."""
    ground: Ground


class LineUnfrozen(LineEvent):
    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    by: Role


class LineExpired(LineEvent):
    """No more draws; what is owed goes on."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    principal: Fen
    """Still owed."""


class LineClosed(LineEvent):
    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId


# Draws


class DrawdownRequested(LineEvent):
    """The bank is asked to pay out; the amount is held against the line until it answers."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    draw_id: DrawId
    amount: PositiveFen
    terms: DrawTerms
    on: date
    disburse_by: Instant
    """Unless disbursed before then, the request expires."""


class DrawDisbursed(LineEvent):
    member_id: MemberId
    draw_id: DrawId
    amount: PositiveFen
    terms: DrawTerms
    on: date
    due_dates: Annotated[tuple[date, ...], Field(min_length=1)]
    """Of the instalments, in order of their numbers. They never change."""


class DrawdownRefused(LineEvent):
    """By the bank."""

    member_id: MemberId
    draw_id: DrawId
    amount: PositiveFen
    ground: Ground


class DrawdownCancelled(LineEvent):
    """By the member."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    draw_id: DrawId
    amount: PositiveFen


class DrawdownExpired(LineEvent):
    """The bank did not pay out in time, or the line expired before it did."""

    addressed_to: ClassVar[str | None] = "bank"

    bank: BankCode
    member_id: MemberId
    draw_id: DrawId
    amount: PositiveFen


# Money that comes back


class RepaymentReceived(LineEvent):
    member_id: MemberId
    repayment_id: RepaymentId
    amount: PositiveFen
    on: date
    """The day it was paid: today or before."""
    toward: DrawId | None
    """The draw that money beyond what is due goes to first."""
    allocations: tuple[Allocation, ...]
    credit: NonNegativeFen
    """Beyond all that is owed: kept for the member, it never raises the limit."""
    principal: Fen
    """Of the line, owed after it."""


class RepaymentReversed(LineEvent):
    """The repayment never came, or came back. Later ones are allocated anew (`RepaymentReallocated`)."""

    member_id: MemberId
    repayment_id: RepaymentId
    amount: PositiveFen
    paid_on: date
    ground: Ground
    principal: Fen
    """Of the line, owed after it."""


class RepaymentReallocated(LineEvent):
    """An earlier entry was added or taken out, so that this repayment, or use of credit, pays other things."""

    member_id: MemberId
    entry_id: UUID
    """Of the repayment, or of the use of credit."""
    allocations: tuple[Allocation, ...]
    credit: Fen
    """What it leaves as credit; negative for what it takes of it."""


class CreditApplied(LineEvent):
    """The member's credit pays what fell due."""

    member_id: MemberId
    entry_id: UUID
    on: date
    allocations: tuple[Allocation, ...]


class CreditRefunded(LineEvent):
    """By the bank, to the member."""

    member_id: MemberId
    entry_id: UUID
    amount: PositiveFen
    on: date


# Instalments


class InstalmentFellDue(LineEvent):
    """The due date has come, and this is to be paid on it. Noted once, later where nobody looked on the day."""

    member_id: MemberId
    draw_id: DrawId
    number: InstalmentNumber
    due: date
    principal: NonNegativeFen
    interest: NonNegativeFen


class InstalmentOverdue(LineEvent):
    """The due date is over, and this is still unpaid. Also after the reversal of what had paid it."""

    member_id: MemberId
    draw_id: DrawId
    number: InstalmentNumber
    due: date
    principal: NonNegativeFen
    interest: NonNegativeFen


class InstalmentCured(LineEvent):
    """An overdue instalment was paid."""

    member_id: MemberId
    draw_id: DrawId
    number: InstalmentNumber
    overdue_left: int
    """Instalments of the line that are still overdue."""


# A household's cap


class HouseholdEvent(Event):
    """Kept in the stream of the household, and written in one commit with what it follows from."""

    household_id: HouseholdId


class ApplicationNoted(HouseholdEvent):
    """A member of the household has an application under way."""

    member_id: MemberId
    application_id: ApplicationId


class ApplicationEnded(HouseholdEvent):
    member_id: MemberId
    application_id: ApplicationId


class CapReserved(HouseholdEvent):
    """A member's line takes `amount` of what the household may owe; `cap` is that of its tier."""

    line_id: LineId
    member_id: MemberId
    cap: Fen
    amount: NonNegativeFen


class CapChanged(HouseholdEvent):
    line_id: LineId
    cap: Fen
    amount: NonNegativeFen


class CapReleased(HouseholdEvent):
    line_id: LineId


# Tables of rates


class RatesEvent(Event):
    """Kept in the stream of the federation's rates."""


class RatesPublished(RatesEvent):
    """A further entry of a table of rates, in force from a day until the next."""

    table: str
    version: str
    effective_from: date
    bands: tuple[RateBand, ...]


def _as_it_was(event: dict[str, Any]) -> dict[str, Any]:
    """The first schema had `borrower` and `findings` in clear: clear they stay, as personal data."""
    return event


def _without_means(event: dict[str, Any]) -> dict[str, Any]:
    """The first schema repeated what the filing says of the borrower, and an endorsement's findings."""
    return {name: value for name, value in event.items() if name not in ("borrower", "findings")}


UPCASTERS: Final = {
    ("ApplicationFiled", 1): _as_it_was,
    ("LoanEndorsed", 1): _without_means,
    ("LineOpened", 1): _without_means,
}
