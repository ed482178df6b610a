"""What a decision is told from outside: workers and cadres out of the read models of the registry's events; an account,
and whom an identity number is of, by asking at that moment.

An account is the worker's own to change, and wanted once in a claim's life: no copy of it is kept here but in the
instruction that it was paid by. The registry answers with the instant that it was recorded at, so that one that a bank
has sent money back from is known again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.aid import refusals
from services.aid.city import InTheCity, awaited
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.facts import AccountOnRecord, AidFacts, Concerned, Worker
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.paying import payable, payee_of
from services.aid.people import Employers, WorkerRow, Workers, as_worker, employers_of
from services.aid.rules import Rulebook, city_of
from shared.people import REGISTRY, unions_of
from shared.runtime.commands import Context
from shared.runtime.envelope import Envelope
from shared.schemas.aid import (
    BankAccount,
    ContractCommand,
    InstructPayment,
    Payee,
    QuoteForPatient,
    RenewContract,
    SettlementCommand,
    SubmitEnrolment,
    SuccessorNamed,
    membership_id,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Actor, Command, Federation, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import BankAccountAnswer, FindPatient, PatientAnswer, ShowBankAccount

__all__ = ["facts", "facts_about", "patient_of"]

ITSELF: Final = Actor(role=Role.SYSTEM, id="aid")


def facts(context: Context, rules: Rulebook) -> AidFacts:
    """Without anybody concerned."""
    envelope = context.envelope
    return AidFacts(now=context.now, actor=envelope.actor, federation=envelope.federation, rulebook=rules)


async def facts_about(command: Command, concerned: Concerned, rules: Rulebook, context: Context) -> AidFacts:
    """Refused (`unknown_employer`)."""
    known = facts(context, rules)
    match command:
        case SettlementCommand():
            return known  # a hospital is told of, and paid for, nobody
        case SubmitEnrolment(employer_id=employer) | RenewContract(employer_id=employer):
            await _must_be_here(employer, context)
    row = await _row(concerned.subject, context)
    acts_for = await unions_of(context.envelope.actor, context.read_models)
    employers: frozenset[EmployerId] = frozenset()
    if isinstance(command, ContractCommand):
        employers = await employers_of(acts_for, context.read_models)
    known = replace(
        known,
        worker=as_worker(row, known.today) if row is not None else None,
        workers=await _workers(concerned.roster, context),
        acts_for=acts_for,
        acts_for_employers=employers,
    )
    if isinstance(command, InstructPayment) and concerned.claim is not None and payable(concerned.claim):
        if isinstance(context.resources, InTheCity):
            known = replace(known, not_admitted=await awaited(concerned.claim, context.read_models))
        return replace(known, account=await _account(concerned.claim, row, known, context))
    return known


# Workers and employers


async def _must_be_here(employer_id: EmployerId, context: Context) -> None:
    row = await context.read_models.one(Employers, employer_id)
    if row is None or row.federation != context.envelope.federation:
        raise refusals.UNKNOWN_EMPLOYER()


async def _row(member_id: MemberId | None, context: Context) -> WorkerRow | None:
    """Of any county of the city: a claim may be taken in another county of the pool."""
    row = await context.read_models.one(Workers, member_id) if member_id is not None else None
    return row if row is not None and city_of(row.federation) == city_of(context.envelope.federation) else None


async def _workers(roster: Sequence[MemberId], context: Context) -> dict[MemberId, Worker]:
    """Those of this federation: it shares in the fund for whom it enrols."""
    if not roster:
        return {}
    here = "member_id = any($1) and federation = $2"
    rows = await context.read_models.some(Workers, here, list(roster), context.envelope.federation)
    today = context.facts().today
    return {row.member_id: as_worker(row, today) for row in rows}


# Accounts


async def _account(claim: Claim, row: WorkerRow | None, known: AidFacts, context: Context) -> AccountOnRecord | None:
    """Of whom the claim is due to; None for a hospital, whose account stands in the rules."""
    match payee_of(claim, known):
        case Payee.MEMBER if row is not None:
            return await _own(row, context)
        case Payee.SUCCESSOR:
            return await _successors(claim, context)
        case _:
            return None


async def _own(row: WorkerRow, context: Context) -> AccountOnRecord | None:
    """As the registry has it now: at the earliest, as of the last change of it that was heard of here."""
    answer: BankAccountAnswer | None = await context.client.ask(
        REGISTRY,
        ShowBankAccount(member_id=row.member_id),
        _asking(context.envelope, row.federation),
        row.account_position,
    )
    if answer is None:
        return None
    account = BankAccount(
        holder=answer.holder.clear,
        number=answer.account.clear,
        bank=answer.bank.clear if answer.bank is not None else None,
    )
    return AccountOnRecord(account=Personal(account), recorded_at=answer.recorded_at)


async def _successors(claim: Claim, context: Context) -> AccountOnRecord | None:
    """The last one named, as the log has them; None where the worker was erased since."""
    named = [event for event in await context.opened(CLAIM, claim.claim_id) if isinstance(event, SuccessorNamed)]
    if not named or not named[-1].account.is_clear:
        return None
    return AccountOnRecord(account=named[-1].account, recorded_at=named[-1].at)


# Patients


async def patient_of(command: QuoteForPatient, rules: Rulebook, context: Context) -> MemberId:
    """Each county of the pool is asked for itself: none knows another's members. Refused (`unknown_patient`): for
    whoever is no member, and whoever has not consented, alike."""
    if context.envelope.actor.id != command.hospital:
        raise refusals.NOT_YOUR_HOSPITAL(hospital=command.hospital)
    scheme = rules.at(context.envelope.federation, command.admitted_on)
    query = FindPatient(id_number=command.id_number, hospital=command.hospital)
    answers: list[PatientAnswer | None] = await asyncio.gather(
        *(context.client.ask(REGISTRY, query, _asking(context.envelope, county)) for county in scheme.counties)
    )
    found = [answer.member_id for answer in answers if answer is not None]
    if not found:
        raise refusals.UNKNOWN_PATIENT(hospital=command.hospital)
    period = scheme.period(command.admitted_on).first
    for member_id in found:
        if await context.session.load(MEMBERSHIP, membership_id(member_id, period)) is not None:
            return member_id
    return found[0]


def _asking(envelope: Envelope, federation: Federation) -> Envelope:
    return replace(envelope, actor=ITSELF, federation=federation)
