"""Which streams a decision rests on. Some are only known once others are loaded: ask again until there are no more.

Each is verified to be where it was when the decision's events are appended, so that none is named which is not needed.
What a decision appends to without having loaded it, it appends at any version: the pool, and the account of a claim
that is granted what it holds already.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from services.aid.domain.account import ACCOUNT
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.contract import CONTRACT
from services.aid.domain.desk import Desk
from services.aid.domain.invoice import INVOICE
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.payment import BATCH, PAYMENT
from services.aid.domain.slot import DIARY, SLOT
from services.aid.rules import Rulebook
from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    AssessClaim,
    BookAppointment,
    CancelAppointment,
    CancelSettlement,
    ClaimCommand,
    CloseIncompleteClaim,
    ContractCommand,
    DrawUpBatch,
    EndCoverage,
    FileClaim,
    InstructPayment,
    InvoiceNumber,
    LapseQuote,
    NameSuccessor,
    NotePayeeDeath,
    PaymentCommand,
    QuoteSettlement,
    RecordEmployerPremium,
    RecordWorkerPremium,
    RejectClaim,
    RenewContract,
    ReopenClaim,
    ReverseClaim,
    SettlementCommand,
    SlotCommand,
    SubmitEnrolment,
    WithdrawClaim,
    account_id,
    contract_id,
    invoice_id,
    membership_id,
    payment_id,
    settlement_claim,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Command, Federation, Refused

__all__ = ["Stream", "reads", "subject"]

type Stream = tuple[Aggregate[Any, Any], UUID | str]


def reads(command: Command, desk: Desk, rulebook: Rulebook, federation: Federation) -> list[Stream]:
    """Those that are not on the desk yet."""
    named = _named(command, desk, rulebook, federation)
    return [(aggregate, key) for aggregate, key in named if not desk.has(aggregate, key)]


def _named(command: Command, desk: Desk, rulebook: Rulebook, federation: Federation) -> Iterator[Stream]:
    match command:
        case ContractCommand():
            yield from _of_contract(command, desk, rulebook, federation)
        case EndCoverage(member_id=member, period=period):
            yield MEMBERSHIP, membership_id(member, period)
        case FileClaim() | QuoteSettlement():
            yield from _of_arrival(command, rulebook, federation)
        case SettlementCommand(hospital=hospital, settlement_number=number):
            yield from _of_claim(command, CLAIM, settlement_claim(hospital, number), desk)
        case ClaimCommand(claim_id=claim):
            yield from _of_claim(command, CLAIM, claim, desk)
        case DrawUpBatch(batch_id=batch, payments=payments):
            yield BATCH, batch
            yield from ((PAYMENT, payment) for payment in payments)
        case PaymentCommand(payment_id=payment):
            yield PAYMENT, payment
            if desk.has(PAYMENT, payment) and (state := desk.of(PAYMENT, payment)) is not None:
                yield CLAIM, state.claim_id
        case SlotCommand(slot_id=slot):
            yield SLOT, slot
            if isinstance(command, BookAppointment | CancelAppointment):
                yield DIARY, command.member_id


# Enrolment


def _of_contract(command: ContractCommand, desk: Desk, rulebook: Rulebook, federation: Federation) -> Iterator[Stream]:
    key = contract_id(command.employer_id, command.period)
    yield CONTRACT, key
    match command:
        case SubmitEnrolment(members=members):
            yield from _memberships(members, command, rulebook, federation)
        case RenewContract():
            before = rulebook.period_before(federation, command.period)
            if before is not None:
                last = contract_id(command.employer_id, before)
                yield CONTRACT, last
                if desk.has(CONTRACT, last):
                    yield from _memberships(desk.of(CONTRACT, last).covered, command, rulebook, federation)
        case RecordEmployerPremium(enrolment_id=enrolment) | RecordWorkerPremium(enrolment_id=enrolment):
            if desk.has(CONTRACT, key) and (state := desk.of(CONTRACT, key).enrolments.get(enrolment)) is not None:
                yield from ((MEMBERSHIP, membership_id(member, command.period)) for member in state.members)
        case _:
            pass


def _memberships(
    members: Iterable[MemberId], command: ContractCommand, rulebook: Rulebook, federation: Federation
) -> Iterator[Stream]:
    """In the period, and in the one before it."""
    before = rulebook.period_before(federation, command.period)
    for member in members:
        yield MEMBERSHIP, membership_id(member, command.period)
        if before is not None:
            yield MEMBERSHIP, membership_id(member, before)


# Claims


def _of_arrival(command: FileClaim | QuoteSettlement, rulebook: Rulebook, federation: Federation) -> Iterator[Stream]:
    match command:
        case QuoteSettlement(hospital=hospital, settlement_number=number):
            yield CLAIM, settlement_claim(hospital, number)
        case FileClaim(claim_id=claim):
            yield CLAIM, claim
    try:
        scheme = rulebook.at(federation, command.admitted_on)
    except Refused:
        return  # and so will the decision be
    period = scheme.period(command.admitted_on).first
    yield MEMBERSHIP, membership_id(command.member_id, period)
    yield from _invoices(scheme.pool, command.bill.invoices)
    if isinstance(command, QuoteSettlement):
        yield ACCOUNT, account_id(command.member_id, period)


def _of_claim(command: Command, aggregate: Aggregate[Claim | None, Any], key: UUID, desk: Desk) -> Iterator[Stream]:
    yield aggregate, key
    claim = desk.of(aggregate, key) if desk.has(aggregate, key) else None
    if claim is None:
        return
    match command:
        case AssessClaim() | RejectClaim() | WithdrawClaim() | CloseIncompleteClaim() | LapseQuote():
            yield from _holdings(claim)
        case ReverseClaim() | CancelSettlement():
            yield from _holdings(claim)
            yield from _live(claim)
        case ReopenClaim(bill=bill):
            yield from _invoices(claim.pool, (bill or claim.bill).invoices)
        case InstructPayment() if claim.instructions:
            yield PAYMENT, payment_id(claim.claim_id, claim.instructions)
        case NotePayeeDeath() | NameSuccessor():
            yield from _live(claim)
        case _:
            pass


def _holdings(claim: Claim) -> Iterator[Stream]:
    yield ACCOUNT, account_id(claim.member_id, claim.period)
    yield from _invoices(claim.pool, claim.invoices)


def _live(claim: Claim) -> Iterator[Stream]:
    if claim.live is not None:
        yield PAYMENT, claim.live


def _invoices(federation: Federation, numbers: Iterable[InvoiceNumber]) -> Iterator[Stream]:
    return ((INVOICE, invoice_id(federation, number)) for number in numbers)


def subject(command: Command, desk: Desk) -> MemberId | None:
    """Whose claim, cover or appointment a command is about, once its streams are on the desk."""
    match command:
        case FileClaim() | QuoteSettlement() | EndCoverage() | BookAppointment() | CancelAppointment():
            return command.member_id
        case SettlementCommand(hospital=hospital, settlement_number=number):
            key = settlement_claim(hospital, number)
        case ClaimCommand(claim_id=key):
            pass
        case _:
            return None
    claim = desk.of(CLAIM, key) if desk.has(CLAIM, key) else None
    return claim.member_id if claim is not None else None
