"""What may be asked of mutual aid.

A date that a command leaves out is today's, in China. Commands of `SYSTEM` alone are fired by timers and by
reactions; one that comes too late, or twice, changes nothing. The ids of contracts, memberships, accounts, invoices,
payments and of hospitals' claims follow from what they are of: see `terms`.
"""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints

from shared.schemas.aid.scheme import SchemeTerms
from shared.schemas.aid.terms import (
    AppointmentId,
    BankAccount,
    BatchId,
    Bill,
    Care,
    ClaimId,
    Document,
    EndOfCover,
    EnrolmentId,
    Exclusion,
    HospitalCode,
    IdentityText,
    PaymentId,
    PeriodStart,
    Reference,
    RejectionGround,
    ReopenGround,
    ReturnGround,
    ReversalGround,
    SettlementNumber,
    SlotId,
    StayDay,
)
from shared.schemas.ids import EmployerId, MemberId, new_id
from shared.schemas.messages import Command, Instant, Role, Text
from shared.schemas.money import NonNegativeFen, PositiveFen
from shared.schemas.personal import Personal

__all__ = [
    "ApproveClaim",
    "AssessClaim",
    "BookAppointment",
    "CancelAppointment",
    "CancelSettlement",
    "ClaimCommand",
    "CloseIncompleteClaim",
    "ConfirmSettlement",
    "ContractCommand",
    "DrawUpBatch",
    "EndCoverage",
    "FileClaim",
    "InstructPayment",
    "LapseEnrolment",
    "LapseQuote",
    "NameSuccessor",
    "NotePayeeDeath",
    "OpenSlot",
    "PaymentCommand",
    "PublishScheme",
    "QuoteCommand",
    "QuoteForPatient",
    "QuoteSettlement",
    "RecordEmployerPremium",
    "RecordPaymentReturned",
    "RecordPaymentSent",
    "RecordWorkerPremium",
    "RecoverOverpayment",
    "RejectClaim",
    "RemindOfAppointment",
    "RenewContract",
    "ReopenClaim",
    "ReverseClaim",
    "ReviewClaim",
    "SettlementCommand",
    "SlotCommand",
    "SubmitEnrolment",
    "SupplyDocuments",
    "WithdrawClaim",
    "WithdrawEnrolment",
]

MEMBER = frozenset({Role.MEMBER})
CADRE = frozenset({Role.CADRE})
OFFICER = frozenset({Role.OFFICER})
HOSPITAL = frozenset({Role.HOSPITAL})
SYSTEM = frozenset({Role.SYSTEM})


# The scheme


class PublishScheme(Command):
    """Publish a further version of a pool's scheme, in force from a later day. Stays that began before are judged by
    the version of their own day."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    terms: SchemeTerms


# An employer's enrolment for a period


class ContractCommand(Command):
    employer_id: EmployerId
    period: PeriodStart


class SubmitEnrolment(ContractCommand):
    """Enrol workers of an employer. Lines that enrol nobody are left out, each with its reason."""

    roles: ClassVar[frozenset[Role]] = CADRE | OFFICER

    enrolment_id: EnrolmentId = Field(default_factory=lambda: EnrolmentId(new_id()))
    members: Annotated[tuple[MemberId, ...], Field(min_length=1, max_length=5000)]
    employer_part: NonNegativeFen | None = None
    """Of the fee of each; where it isn't said, that of the contract so far, or else the scheme's."""


class RenewContract(ContractCommand):
    """Enrol for `period` all whom the employer's contract covers in the period before it, on the same split."""

    roles: ClassVar[frozenset[Role]] = CADRE | OFFICER

    enrolment_id: EnrolmentId = Field(default_factory=lambda: EnrolmentId(new_id()))


class RecordEmployerPremium(ContractCommand):
    """The employer's part of an enrolment has come in, in full."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date | None = None
    reference: Reference
    """Of the bank's entry."""


class RecordWorkerPremium(ContractCommand):
    """The workers' part of an enrolment has come in, in full."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date | None = None
    reference: Reference


class WithdrawEnrolment(ContractCommand):
    """Take an enrolment back of which nothing was paid."""

    roles: ClassVar[frozenset[Role]] = CADRE | OFFICER

    enrolment_id: EnrolmentId


class LapseEnrolment(ContractCommand):
    """The time to pay an enrolment is over."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    enrolment_id: EnrolmentId


class EndCoverage(Command):
    """End a person's cover before the period does."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM

    member_id: MemberId
    period: PeriodStart
    ground: EndOfCover
    on: date


# A claim


class ClaimCommand(Command):
    claim_id: ClaimId


class FileClaim(ClaimCommand):
    """Ask for the benefit of one stay, or of special outpatient care: by the worker, by a cadre on behalf, or at the
    service centre. Missing documents may follow (容缺)."""

    roles: ClassVar[frozenset[Role]] = MEMBER | CADRE | OFFICER

    claim_id: ClaimId = Field(default_factory=lambda: ClaimId(new_id()))
    member_id: MemberId
    care: Care
    admitted_on: StayDay
    discharged_on: StayDay
    bill: Bill
    diagnosis: Personal[Text]
    hospital: Personal[Text]
    documents: tuple[Document, ...] = ()
    """What was handed in with it."""


class SupplyDocuments(ClaimCommand):
    roles: ClassVar[frozenset[Role]] = MEMBER | CADRE | OFFICER

    documents: Annotated[tuple[Document, ...], Field(min_length=1)]


class CloseIncompleteClaim(ClaimCommand):
    """The time to supply missing documents is over."""

    roles: ClassVar[frozenset[Role]] = SYSTEM


class WithdrawClaim(ClaimCommand):
    """The worker, or who filed for them, takes the claim back before it is approved."""

    roles: ClassVar[frozenset[Role]] = MEMBER | CADRE | OFFICER


class AssessClaim(ClaimCommand):
    """Work out the benefit (初审), and hold it against the ceiling. A later assessment takes the place of this one."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    exclusions: tuple[Exclusion, ...] = ()


class ReviewClaim(ClaimCommand):
    """Look over an assessment (复核), as another than whoever made it."""

    roles: ClassVar[frozenset[Role]] = OFFICER


class ApproveClaim(ClaimCommand):
    """Grant the assessed benefit (审批)."""

    roles: ClassVar[frozenset[Role]] = OFFICER


class RejectClaim(ClaimCommand):
    """Turn a claim down; where it was reopened, what was granted before stands."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    ground: RejectionGround


class ReopenClaim(ClaimCommand):
    """Assess anew a claim that was granted or rejected: the only way to more for a claim that was reduced."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    ground: ReopenGround
    bill: Bill | None = None
    """As social insurance settled it anew."""


class ReverseClaim(ClaimCommand):
    """Undo a benefit that was granted: the ceiling has its room again, what was paid is asked back."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    ground: ReversalGround


class NotePayeeDeath(ClaimCommand):
    """The worker has died: nothing more is sent to their account."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM


class NameSuccessor(ClaimCommand):
    """Say who receives the benefit of a worker who has died, and where that can be proved."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    account: Personal[BankAccount]
    evidence: Reference


class RecoverOverpayment(ClaimCommand):
    """Money that was paid too much has come back."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    amount: PositiveFen
    on: date | None = None
    reference: Reference


# One-stop settlement at the hospital


class SettlementCommand(Command):
    """By the hospital, under its own number: sent again, it changes nothing."""

    roles: ClassVar[frozenset[Role]] = HOSPITAL

    hospital: HospitalCode
    settlement_number: SettlementNumber


class QuoteCommand(SettlementCommand):
    """What would the fund pay of this bill? The amount is held until the quote lapses."""

    care: Care
    admitted_on: StayDay
    discharged_on: StayDay
    bill: Bill
    diagnosis: Personal[Text]
    authorisation: Reference
    """Number of the form by which the patient lets the hospital and the fund settle (个人信息保护法 第23、29条)."""


class QuoteSettlement(QuoteCommand):
    """Of a patient who has shown their member's card."""

    member_id: MemberId


class QuoteForPatient(QuoteCommand):
    """Of a patient whom the hospital knows by their identity card. It is answered where the patient's consent that this
    hospital is told of them is on record; the hospital learns no more than the amount."""

    id_number: Personal[IdentityText]
    """It is not kept."""


class ConfirmSettlement(SettlementCommand):
    """The patient has left with the benefit deducted: the fund owes it to the hospital."""


class CancelSettlement(SettlementCommand):
    """The hospital takes a settlement back, quoted or confirmed, paid or not."""


class LapseQuote(ClaimCommand):
    roles: ClassVar[frozenset[Role]] = SYSTEM


# Payment


class InstructPayment(ClaimCommand):
    """Have what is due on a claim paid."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM


class DrawUpBatch(Command):
    """Put instructions into one file for the bank. Those that no longer wait are left out."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM

    batch_id: BatchId = Field(default_factory=lambda: BatchId(new_id()))
    payments: Annotated[tuple[PaymentId, ...], Field(min_length=1, max_length=2000)]


class PaymentCommand(Command):
    payment_id: PaymentId


class RecordPaymentSent(PaymentCommand):
    """The bank has paid."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM

    on: date | None = None
    reference: Reference


class RecordPaymentReturned(PaymentCommand):
    """The bank could not pay, or the money came back."""

    roles: ClassVar[frozenset[Role]] = OFFICER | SYSTEM

    ground: ReturnGround
    on: date | None = None


# Appointments out of hours


class SlotCommand(Command):
    slot_id: SlotId


class OpenSlot(SlotCommand):
    """Offer a time at the service centre."""

    roles: ClassVar[frozenset[Role]] = OFFICER

    slot_id: SlotId = Field(default_factory=lambda: SlotId(new_id()))
    place: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    starts_at: Instant
    minutes: Annotated[PositiveInt, Field(le=480)]
    capacity: Annotated[NonNegativeInt, Field(ge=1, le=100)]


class BookAppointment(SlotCommand):
    """By the worker, or on behalf of one who calls."""

    roles: ClassVar[frozenset[Role]] = MEMBER | CADRE | OFFICER

    appointment_id: AppointmentId = Field(default_factory=lambda: AppointmentId(new_id()))
    member_id: MemberId


class CancelAppointment(SlotCommand):
    roles: ClassVar[frozenset[Role]] = MEMBER | CADRE | OFFICER

    member_id: MemberId


class RemindOfAppointment(SlotCommand):
    roles: ClassVar[frozenset[Role]] = SYSTEM

    appointment_id: AppointmentId
    member_id: MemberId
