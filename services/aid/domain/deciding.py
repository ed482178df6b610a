"""Decisions of mutual aid: from a command to events of one or several streams, or a refusal."""

from services.aid import refusals
from services.aid.domain import assessing, booking, enrolling, filing, paying, reversing, settling
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    ClaimCommand,
    CloseIncompleteClaim,
    ContractCommand,
    DrawUpBatch,
    EndCoverage,
    FileClaim,
    InstructPayment,
    LapseQuote,
    NameSuccessor,
    NotePayeeDeath,
    PaymentCommand,
    RecoverOverpayment,
    RejectClaim,
    ReopenClaim,
    ReverseClaim,
    ReviewClaim,
    SettlementCommand,
    SlotCommand,
    SupplyDocuments,
    WithdrawClaim,
)
from shared.schemas.messages import Command

__all__ = ["decide"]


def decide(command: Command, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """The events belong to the streams that `desk.stream_of` names, in one commit. All but the publication of a
    scheme, which `publication.decide` decides."""
    match command:
        case ContractCommand():
            return enrolling.decide(command, desk, facts)
        case EndCoverage():
            return enrolling.end_coverage(command, desk, facts)
        case FileClaim():
            return filing.file(command, desk, facts)
        case SettlementCommand():
            return settling.decide(command, desk, facts)
        case ClaimCommand():
            return _of_claim(command, desk, facts)
        case DrawUpBatch():
            return paying.draw_up(command, desk, facts)
        case PaymentCommand():
            return paying.result(command, desk, facts)
        case SlotCommand():
            return booking.decide(command, desk, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


def _of_claim(command: ClaimCommand, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    claim = desk.of(CLAIM, command.claim_id)
    if claim is None:
        raise refusals.UNKNOWN_CLAIM()
    scheme = facts.rulebook.version(claim.pool, claim.scheme)
    if not facts.handles(scheme):
        raise refusals.UNKNOWN_CLAIM()
    match command:
        case AssessClaim():
            return assessing.assess(command, claim, scheme, desk, facts)
        case ReviewClaim():
            return assessing.review(command, claim, scheme, facts)
        case ApproveClaim():
            return assessing.approve(command, claim, scheme, facts)
        case RejectClaim():
            return assessing.reject(command, claim, desk, facts)
        case ReopenClaim():
            return assessing.reopen(command, claim, scheme, desk, facts)
        case _:
            return _after(command, claim, desk, facts)


def _after(command: ClaimCommand, claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    match command:
        case SupplyDocuments():
            return filing.supply(command, claim, facts)
        case WithdrawClaim():
            return filing.withdraw(claim, desk, facts)
        case CloseIncompleteClaim():
            return filing.close_incomplete(claim, desk, facts)
        case LapseQuote():
            return settling.lapse(claim, desk, facts)
        case ReverseClaim():
            return reversing.reverse(command, claim, desk, facts)
        case RecoverOverpayment():
            return reversing.recover(command, claim, facts)
        case InstructPayment():
            return paying.instruct(claim, desk, facts)
        case NotePayeeDeath():
            return paying.note_death(claim, desk, facts)
        case NameSuccessor():
            return paying.name_successor(command, claim, desk, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")
