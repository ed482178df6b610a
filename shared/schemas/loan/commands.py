"""What may be asked of the craftsman loan.

A date that a command leaves out is today's, in China. Commands of `SYSTEM` alone are fired by timers and by
reactions; one that comes too late, or twice, changes nothing.
"""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt, StringConstraints

from shared.schemas.ids import MemberId, new_id
from shared.schemas.loan.terms import (
    ApplicationId,
    Borrower,
    DrawId,
    Ground,
    LineId,
    RateBand,
    RepaymentForm,
    RepaymentId,
    Stage,
)
from shared.schemas.messages import Command, Role
from shared.schemas.money import AnnualPercent, PositiveFen

__all__ = [
    "AcceptLoan",
    "ApplicationCommand",
    "ApplyForLoan",
    "CancelDrawdown",
    "ChangeLimit",
    "CloseLine",
    "DeclineLoan",
    "DisburseDraw",
    "EndorseApplication",
    "ExpireDrawdown",
    "ExpireLine",
    "FreezeLine",
    "LapseApplication",
    "LineCommand",
    "PublishRates",
    "RecommendApplication",
    "RecordRepayment",
    "RefreshLine",
    "RefundCredit",
    "RefuseDrawdown",
    "RejectApplication",
    "RequestDrawdown",
    "ReverseRepayment",
    "ReviewLine",
    "UnfreezeLine",
    "WithdrawApplication",
]

MEMBER = frozenset({Role.MEMBER})
CADRE = frozenset({Role.CADRE})
OFFICER = frozenset({Role.OFFICER})
BANK = frozenset({Role.BANK})
SYSTEM = frozenset({Role.SYSTEM})


class ApplicationCommand(Command):
    application_id: ApplicationId


class LineCommand(Command):
    line_id: LineId


# An application


class ApplyForLoan(ApplicationCommand):
    """A member asks for a line."""

    roles: ClassVar[frozenset[Role]] = MEMBER

    application_id: ApplicationId = Field(default_factory=lambda: ApplicationId(new_id()))
    member_id: MemberId
    amount: PositiveFen
    borrower: Borrower


class RecommendApplication(ApplicationCommand):
    """The grassroots union vouches for its member."""

    roles: ClassVar[frozenset[Role]] = CADRE


class EndorseApplication(ApplicationCommand):
    """The federation sends the application to the bank. Not by whoever recommended it."""

    roles: ClassVar[frozenset[Role]] = OFFICER


class RejectApplication(ApplicationCommand):
    """The grassroots union or the federation turns the application down, at the stage that is theirs."""

    roles: ClassVar[frozenset[Role]] = CADRE | OFFICER

    ground: Ground


class WithdrawApplication(ApplicationCommand):
    """The member takes the application back, before the bank's answer."""

    roles: ClassVar[frozenset[Role]] = MEMBER


class LapseApplication(ApplicationCommand):
    """The deadline of a stage has passed."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    stage: Stage


class AcceptLoan(ApplicationCommand):
    """The bank opens a line: not above the assessed limit, nor at more than the tier's rate."""

    roles: ClassVar[frozenset[Role]] = BANK

    line_id: LineId = Field(default_factory=lambda: LineId(new_id()))
    limit: PositiveFen
    months: PositiveInt
    annual_percent: AnnualPercent


class DeclineLoan(ApplicationCommand):
    """The bank turns the application down."""

    roles: ClassVar[frozenset[Role]] = BANK

    ground: Ground


# A line's draws


class RequestDrawdown(LineCommand):
    """The member asks for money under the line."""

    roles: ClassVar[frozenset[Role]] = MEMBER

    draw_id: DrawId = Field(default_factory=lambda: DrawId(new_id()))
    amount: PositiveFen
    months: PositiveInt
    form: RepaymentForm


class CancelDrawdown(LineCommand):
    """The member no longer wants a draw that the bank has not paid out."""

    roles: ClassVar[frozenset[Role]] = MEMBER

    draw_id: DrawId


class DisburseDraw(LineCommand):
    """The bank has paid out."""

    roles: ClassVar[frozenset[Role]] = BANK

    draw_id: DrawId
    on: date | None = None


class RefuseDrawdown(LineCommand):
    """The bank does not pay out."""

    roles: ClassVar[frozenset[Role]] = BANK

    draw_id: DrawId
    ground: Ground


class ExpireDrawdown(LineCommand):
    """The time to pay out a draw is over."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    draw_id: DrawId


# Money that comes back


class RecordRepayment(LineCommand):
    """The bank has received money: any amount, at any time, today or on an earlier day."""

    roles: ClassVar[frozenset[Role]] = BANK

    repayment_id: RepaymentId = Field(default_factory=lambda: RepaymentId(new_id()))
    amount: PositiveFen
    on: date | None = None
    toward: DrawId | None = None
    """The draw that money beyond what is due goes to first."""


class ReverseRepayment(LineCommand):
    """A repayment that was recorded did not come, or went back."""

    roles: ClassVar[frozenset[Role]] = BANK

    repayment_id: RepaymentId
    ground: Ground


class RefundCredit(LineCommand):
    """The bank has paid an overpayment back to the member."""

    roles: ClassVar[frozenset[Role]] = BANK

    refund_id: RepaymentId = Field(default_factory=lambda: RepaymentId(new_id()))
    amount: PositiveFen
    on: date | None = None


class ReviewLine(LineCommand):
    """Note what has fallen due and what is overdue by now."""

    roles: ClassVar[frozenset[Role]] = SYSTEM


# A line's terms


class ChangeLimit(LineCommand):
    """The bank sets another limit: not below what is used and held, nor above what the rules allow today."""

    roles: ClassVar[frozenset[Role]] = BANK

    limit: PositiveFen


class RefreshLine(LineCommand):
    """Bring tier, cap and household up to date with the registry."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM, Role.OFFICER})


class FreezeLine(LineCommand):
    """Stop new draws, until whoever stopped them lifts it."""

    roles: ClassVar[frozenset[Role]] = BANK | OFFICER

    ground: Ground


class UnfreezeLine(LineCommand):
    roles: ClassVar[frozenset[Role]] = BANK | OFFICER


class ExpireLine(LineCommand):
    """The line's last day is over."""

    roles: ClassVar[frozenset[Role]] = SYSTEM


class CloseLine(LineCommand):
    """End a line on which nothing is owed, held or left as credit."""

    roles: ClassVar[frozenset[Role]] = MEMBER | BANK


# Tables of rates


class PublishRates(Command):
    """Publish a further entry of a table of rates: a bank its own, the federation the reference rates.

    Refused when a higher title would then pay more than a lower one.
    """

    roles: ClassVar[frozenset[Role]] = BANK | OFFICER

    table: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    effective_from: date
    bands: Annotated[tuple[RateBand, ...], Field(min_length=1)]
