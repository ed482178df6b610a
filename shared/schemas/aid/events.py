"""What happens to schemes, enrolments, cover, benefit accounts, claims, invoices, pools, payments and appointments.

Diagnoses, hospitals' names and accounts are `Personal`, of the member. What is addressed to a hospital says no more
than the hospital told, and the amount.
"""

from datetime import date
from typing import ClassVar

from shared.schemas.aid.scheme import SchemeTerms
from shared.schemas.aid.terms import (
    AccountId,
    AppointmentId,
    Assessment,
    BankAccount,
    BatchId,
    Bill,
    Care,
    Channel,
    ClaimId,
    ContractId,
    Document,
    EndOfCover,
    EnrolmentId,
    Finding,
    HospitalCode,
    InvoiceId,
    InvoiceNumber,
    LedgerLine,
    LeftOut,
    MembershipId,
    Payee,
    PaymentId,
    PeriodStart,
    PostingKind,
    Reference,
    RejectionGround,
    ReopenGround,
    ReturnGround,
    ReversalGround,
    SettlementNumber,
    SlotId,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Event, Federation, Instant
from shared.schemas.money import Fen, NonNegativeFen, PositiveFen
from shared.schemas.personal import Personal

__all__ = [
    "AccountEvent",
    "AppointmentBooked",
    "AppointmentCancelled",
    "AppointmentReminderDue",
    "BatchDrawnUp",
    "BatchEvent",
    "BenefitReversed",
    "BenefitSettled",
    "CeilingReleased",
    "CeilingReserved",
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
    "ContractEvent",
    "CoverageEnded",
    "CoverageStarted",
    "DiaryEvent",
    "DiaryFreed",
    "DiaryMarked",
    "DocumentMissingNoted",
    "DocumentSupplied",
    "EmployerPremiumReceived",
    "EnrolmentEnded",
    "EnrolmentSubmitted",
    "HospitalSettlementCancelled",
    "HospitalSettlementConfirmed",
    "HospitalSettlementLapsed",
    "HospitalSettlementQuoted",
    "InvoiceConflictFound",
    "InvoiceEvent",
    "InvoiceReleased",
    "InvoiceReserved",
    "MemberEnrolled",
    "MemberReleased",
    "MembershipEvent",
    "OverpaymentRecorded",
    "OverpaymentRecovered",
    "PayeeDied",
    "PaymentBatched",
    "PaymentEvent",
    "PaymentInstructed",
    "PaymentRecalled",
    "PaymentReturned",
    "PaymentSent",
    "PaymentWithdrawn",
    "PayoutFailed",
    "PayoutOrdered",
    "PoolEvent",
    "PoolPosted",
    "SchemeEvent",
    "SchemePublished",
    "SlotEvent",
    "SlotOpened",
    "SuccessorNamed",
    "WorkerPremiumReceived",
]


# The scheme


class SchemeEvent(Event):
    """Kept in the stream of the city's schemes."""

    city: Federation


class SchemePublished(SchemeEvent):
    """In force from a day after this one, until the next."""

    terms: SchemeTerms
    by: str
    """Id of the actor."""


# An employer's enrolment for a period


class ContractEvent(Event):
    """Kept in the stream of the contract: an employer and a period."""

    contract_id: ContractId
    employer_id: EmployerId
    period: PeriodStart


class EnrolmentSubmitted(ContractEvent):
    """`members` are enrolled; there is no cover until both parts are in."""

    enrolment_id: EnrolmentId
    county: Federation
    pool: Federation
    scheme: str
    members: tuple[MemberId, ...]
    left_out: tuple[LeftOut, ...]
    employer_part: NonNegativeFen
    """Of the fee of each."""
    worker_part: NonNegativeFen
    employer_due: NonNegativeFen
    worker_due: NonNegativeFen
    renewal_of: ContractId | None
    pay_by: Instant
    """Unless something was paid before then, the enrolment lapses."""
    by: str


class EmployerPremiumReceived(ContractEvent):
    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date
    reference: Reference


class WorkerPremiumReceived(ContractEvent):
    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date
    reference: Reference


class EnrolmentEnded(ContractEvent):
    """Withdrawn, or lapsed, before anything was paid: its members may be enrolled by others."""

    enrolment_id: EnrolmentId
    lapsed: bool


# A person's cover in a period


class MembershipEvent(Event):
    """Kept in the stream of the membership: a person and a period."""

    membership_id: MembershipId
    member_id: MemberId
    period: PeriodStart


class MemberEnrolled(MembershipEvent):
    contract_id: ContractId
    enrolment_id: EnrolmentId
    employer_id: EmployerId
    county: Federation
    """Which shares in the fund for this person."""
    pool: Federation
    continuous: bool
    """Whether cover in the period before goes on to its end: there is no waiting time then."""


class MemberReleased(MembershipEvent):
    """The enrolment ended before there was cover."""

    enrolment_id: EnrolmentId


class CoverageStarted(MembershipEvent):
    """Both parts are in: stays that begin from `benefits_from` to `last` are covered."""

    employer_id: EmployerId
    first: date
    last: date
    benefits_from: date


class CoverageEnded(MembershipEvent):
    """`last` is the last day of cover."""

    ground: EndOfCover
    last: date


# A person's benefits in a period: the one place where the ceiling is held


class AccountEvent(Event):
    """Kept in the stream of the benefit account: a person and a period."""

    account_id: AccountId
    member_id: MemberId
    period: PeriodStart
    claim_id: ClaimId
    amount: PositiveFen


class CeilingReserved(AccountEvent):
    """Held for a claim. `ceiling` is that of the version that the claim is judged by."""

    ceiling: PositiveFen


class CeilingReleased(AccountEvent):
    """Not held any more."""


class BenefitSettled(AccountEvent):
    """What was held is granted."""


class BenefitReversed(AccountEvent):
    """What was granted is not, after all."""


# A claim


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


# An invoice, over the whole city


class InvoiceEvent(Event):
    """Kept in the stream of the invoice."""

    invoice_id: InvoiceId
    number: InvoiceNumber
    claim_id: ClaimId


class InvoiceReserved(InvoiceEvent):
    """It counts for this claim, and for no other."""


class InvoiceConflictFound(InvoiceEvent):
    """A claim came with an invoice that counts for another."""

    held_by: ClaimId


class InvoiceReleased(InvoiceEvent):
    """It counts for nothing any more."""


# A pool's ledger: one stream a county and period, appended to at any version


class PoolEvent(Event):
    """Kept in the stream of the county's share of a pool in a period."""

    pool: Federation
    county: Federation
    period: PeriodStart


class PoolPosted(PoolEvent):
    """One entry. Its debits and its credits are equal."""

    kind: PostingKind
    lines: tuple[LedgerLine, ...]
    on: date
    claim_id: ClaimId | None = None
    payment_id: PaymentId | None = None
    contract_id: ContractId | None = None


# A payment instruction, and the batch it goes to the bank in


class PaymentEvent(Event):
    """Kept in the stream of the instruction."""

    payment_id: PaymentId
    claim_id: ClaimId


class PaymentInstructed(PaymentEvent):
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    pool: Federation
    county: Federation
    amount: PositiveFen
    payee: Payee
    hospital: HospitalCode | None
    """Where it is the payee."""
    account: Personal[BankAccount] | None
    """Where a person is."""
    account_as_of: Instant | None
    """When it was recorded."""


class PaymentBatched(PaymentEvent):
    batch_id: BatchId


class PaymentSent(PaymentEvent):
    amount: PositiveFen
    on: date
    reference: Reference


class PaymentReturned(PaymentEvent):
    amount: PositiveFen
    ground: ReturnGround
    on: date


class PaymentWithdrawn(PaymentEvent):
    """Before it went to the bank."""


class PaymentRecalled(PaymentEvent):
    """It is at the bank, and is not due any more: whatever the bank pays of it is an overpayment."""


class BatchEvent(Event):
    """Kept in the stream of the batch."""

    batch_id: BatchId


class BatchDrawnUp(BatchEvent):
    payments: tuple[PaymentId, ...]
    total: PositiveFen
    by: str


# Appointments


class SlotEvent(Event):
    """Kept in the stream of the slot."""

    slot_id: SlotId


class SlotOpened(SlotEvent):
    federation: Federation
    place: str
    starts_at: Instant
    ends_at: Instant
    capacity: int


class AppointmentBooked(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId
    place: str
    starts_at: Instant
    remind_at: Instant
    by: str


class AppointmentCancelled(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId


class AppointmentReminderDue(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId
    place: str
    starts_at: Instant


class DiaryEvent(Event):
    """Kept in the stream of a member's diary, and written in one commit with the slot's."""

    member_id: MemberId


class DiaryMarked(DiaryEvent):
    slot_id: SlotId
    ends_at: Instant


class DiaryFreed(DiaryEvent):
    slot_id: SlotId
