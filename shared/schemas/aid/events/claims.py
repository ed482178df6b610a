"""What happens to a claim.

A diagnosis, a hospital's name and an account are `Personal`, of the member. What is addressed to a hospital says no
more than the hospital told, and the amount.
"""

from datetime import date
from typing import ClassVar

from shared.schemas.aid.terms import (
    Assessment,
    BankAccount,
    Bill,
    Care,
    Channel,
    ClaimId,
    Document,
    Finding,
    HospitalCode,
    InvoiceNumber,
    Payee,
    PaymentId,
    PeriodStart,
    Reference,
    RejectionGround,
    ReopenGround,
    ReturnGround,
    ReversalGround,
    SettlementNumber,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Federation, Instant
from shared.schemas.money import Fen, NonNegativeFen, PositiveFen
from shared.schemas.personal import Personal

__all__ = [
    "ClaimApproved",
    "ClaimAssessed",
    "ClaimEvent",
    "ClaimFiled",
    "ClaimReduced",
    "ClaimRejected",
    "ClaimReopened",
    "ClaimReversed",
    "ClaimReviewed",
    "ClaimSettled",
    "ClaimUpheld",
    "ClaimWithdrawn",
    "DocumentMissingNoted",
    "DocumentSupplied",
    "HospitalSettlementCancelled",
    "HospitalSettlementConfirmed",
    "HospitalSettlementLapsed",
    "HospitalSettlementQuoted",
    "OverpaymentRecorded",
    "OverpaymentRecovered",
    "PayeeDied",
    "PayoutFailed",
    "PayoutOrdered",
    "SuccessorNamed",
]


class ClaimEvent(Event):
    """Kept in the stream of the claim."""

    claim_id: ClaimId


class ClaimFiled(ClaimEvent):
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    channel: Channel
    filed_by: str
    """Id of the actor."""
    consent: Reference | None
    """The member's consent that somebody acts on their behalf, or the form signed at the hospital."""
    filed_in: Federation
    county: Federation
    """Whose share of the fund it is."""
    pool: Federation
    scheme: str
    """Version in force at admission: the claim is judged by it to its end."""
    period: PeriodStart
    care: Care
    admitted_on: date
    discharged_on: date
    bill: Bill
    diagnosis: Personal[str]
    hospital: Personal[str] | None
    hospital_code: HospitalCode | None
    """Of a one-stop settlement, with its number."""
    settlement_number: SettlementNumber | None
    documents: tuple[Document, ...]
    conflicts: tuple[InvoiceNumber, ...]
    """Invoices that another claim holds: they must be free before this one is assessed."""


class DocumentMissingNoted(ClaimEvent):
    """The claim is accepted all the same (容缺); unless supplied before then, it is rejected."""

    member_id: MemberId
    documents: tuple[Document, ...]
    supply_by: Instant


class DocumentSupplied(ClaimEvent):
    member_id: MemberId
    documents: tuple[Document, ...]
    missing: tuple[Document, ...]
    """Still."""


class ClaimAssessed(ClaimEvent):
    member_id: MemberId
    assessment: Assessment
    by: str


class ClaimReduced(ClaimEvent):
    """The benefit is less than the table gives for the whole bill, and why."""

    member_id: MemberId
    amount: NonNegativeFen
    reductions: tuple[Finding, ...]


class ClaimReviewed(ClaimEvent):
    by: str


class ClaimApproved(ClaimEvent):
    """`amount` is granted in all; `was` had been before, where the claim was reopened. `channel` and `reductions` are
    those of the claim and of its assessment, for whoever is told."""

    member_id: MemberId
    amount: PositiveFen
    was: NonNegativeFen
    by: str
    channel: Channel | None = None
    reductions: tuple[Finding, ...] = ()


class ClaimRejected(ClaimEvent):
    member_id: MemberId
    ground: RejectionGround
    clause: str
    by: str


class ClaimWithdrawn(ClaimEvent):
    member_id: MemberId
    by: str


class ClaimReopened(ClaimEvent):
    member_id: MemberId
    ground: ReopenGround
    bill: Bill
    """That it is assessed by from now on."""
    by: str


class ClaimUpheld(ClaimEvent):
    """A reopened claim stays as it was granted."""

    member_id: MemberId
    amount: PositiveFen
    bill: Bill
    ground: RejectionGround
    clause: str
    by: str


class ClaimReversed(ClaimEvent):
    """Nothing is granted any more; see the account, the invoices and the pool."""

    member_id: MemberId
    amount: PositiveFen
    ground: ReversalGround
    by: str


class PayeeDied(ClaimEvent):
    """Nothing is sent until a successor is named."""

    member_id: MemberId


class SuccessorNamed(ClaimEvent):
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    account: Personal[BankAccount]
    evidence: Reference
    at: Instant


class PayoutOrdered(ClaimEvent):
    """A payment instruction for what was due."""

    payment_id: PaymentId
    amount: PositiveFen


class PayoutFailed(ClaimEvent):
    """The payment came back, or was stopped: the amount is due again."""

    member_id: MemberId
    payment_id: PaymentId
    amount: PositiveFen
    ground: ReturnGround | None
    """Of the bank; None where the payment was stopped here."""


class ClaimSettled(ClaimEvent):
    """Money has reached whom it is for."""

    member_id: MemberId
    payee: Payee
    payment_id: PaymentId
    amount: PositiveFen
    paid: Fen
    """In all."""
    on: date


class OverpaymentRecorded(ClaimEvent):
    """More was paid than is granted: to be asked back of `payee`."""

    member_id: MemberId
    payee: Payee
    hospital: HospitalCode | None
    amount: PositiveFen
    payment_id: PaymentId | None
    """Of a payment that the bank made although it was recalled."""


class OverpaymentRecovered(ClaimEvent):
    member_id: MemberId
    amount: PositiveFen
    left: NonNegativeFen
    on: date
    reference: Reference


# One-stop settlement: events of the claim that the hospital is told


class HospitalSettlementQuoted(ClaimEvent):
    """The amount is held until `valid_until`."""

    addressed_to: ClassVar[str | None] = "hospital"

    hospital: HospitalCode
    settlement_number: SettlementNumber
    amount: PositiveFen
    valid_until: Instant


class HospitalSettlementConfirmed(ClaimEvent):
    addressed_to: ClassVar[str | None] = "hospital"

    hospital: HospitalCode
    settlement_number: SettlementNumber
    amount: PositiveFen
    on: date


class HospitalSettlementCancelled(ClaimEvent):
    addressed_to: ClassVar[str | None] = "hospital"

    hospital: HospitalCode
    settlement_number: SettlementNumber
    amount: PositiveFen
    confirmed_on: date | None
    """None where it had only been quoted."""
    on: date


class HospitalSettlementLapsed(ClaimEvent):
    addressed_to: ClassVar[str | None] = "hospital"

    hospital: HospitalCode
    settlement_number: SettlementNumber
    amount: PositiveFen
