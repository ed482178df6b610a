"""The half-year itself, a day at a time: what patients, hospitals, cadres, the desk and the bank do on it."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from deploy.local.simulation.claims import Act, Case, End
from deploy.local.simulation.entering import OFFICER
from deploy.local.simulation.plan import Plan
from deploy.local.simulation.wire import Wire, all_of
from services.aid.rules import Rulebook
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    BatchId,
    CancelSettlement,
    Channel,
    ConfirmSettlement,
    Document,
    DrawUpBatch,
    FileClaim,
    OperationsAnswer,
    PaymentId,
    QuoteSettlement,
    RecordPaymentReturned,
    RecordPaymentSent,
    RecoverOverpayment,
    RejectClaim,
    ReviewClaim,
    ShowOperations,
    SupplyDocuments,
    WithdrawClaim,
    payment_id,
)
from shared.schemas.ids import derived_id
from shared.schemas.messages import Actor, Command, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import RecordBankAccount

__all__ = ["PAYDAY", "HalfYear"]

REVIEWER: Final = Actor(role=Role.OFFICER, id="fuheren")  # 复核
HEAD: Final = Actor(role=Role.OFFICER, id="shenpiren")  # 审批
PAYDAY: Final = 5
"""Friday; on the next day the bank says what became of it."""
GRANTING: Final = frozenset({Act.CONFIRM, Act.DECIDE})


class HalfYear:
    """`done` is told of each claim that has come to its end as far as the patient, the hospital and the desk go."""

    def __init__(self, wire: Wire, plan: Plan, rulebook: Rulebook, done: Callable[[], None]) -> None:
        self._wire, self._plan, self._done = wire, plan, done
        self._scheme = rulebook.at(plan.figures.federation, plan.figures.period)
        self._due: list[tuple[Case, int]] = []
        """Claims to be paid on the next payday, and which payment of theirs it will be."""
        self._at_the_bank: list[tuple[Case, int]] = []

    def has_work(self, today: date) -> bool:
        """Whether anything happens on a day; what the clock does by itself aside."""
        to_pay = today.isoweekday() == PAYDAY and bool(self._due)
        return today in self._plan.agenda or bool(self._at_the_bank) or to_pay

    async def day(self, today: date) -> None:
        await self._results(today)
        agenda = self._plan.agenda.get(today, ())
        await all_of(self._acts(case, acts) for case, acts in agenda)
        granted = [
            case for case, acts in agenda if {Act.CONFIRM, Act.DECIDE} & {*acts} and case.end is not End.CANCELLED
        ]
        self._due += [(case, 1) for case in granted]
        if today.isoweekday() == PAYDAY and self._due:
            await self._payday(today)

    async def _acts(self, case: Case, acts: Iterable[Act]) -> None:
        for act in acts:
            await self._act(case, act)
        if act is case.acts[-1][1]:
            self._done()

    async def _act(self, case: Case, act: Act) -> None:
        match act:
            case Act.QUOTE:
                await self._quote(case)
            case Act.CONFIRM | Act.CANCEL:
                assert case.code is not None
                if case.end is End.CANCELLED and act is Act.CANCEL:
                    await self._instructed([_payment(case, 1)])
                kind = ConfirmSettlement if act is Act.CONFIRM else CancelSettlement
                command = kind(hospital=case.code, settlement_number=case.settlement_number)
                await self._send(_hospital(case), command, case)
            case Act.REPAY:
                back = RecoverOverpayment(
                    claim_id=case.claim_id, amount=case.granted, reference=f"退款-{case.number:05d}"
                )
                await self._send(OFFICER, back, case)
            case Act.FILE:
                await self._file(case)
            case Act.SUPPLY:
                assert case.missing is not None
                supply = SupplyDocuments(claim_id=case.claim_id, documents=(case.missing,))
                await self._send(self._filer(case), supply, case)
            case Act.DECIDE:
                await self._decide(case)
            case Act.REJECT:
                assert case.ground is not None
                await self._send(HEAD, RejectClaim(claim_id=case.claim_id, ground=case.ground), case)
            case Act.WITHDRAW:
                await self._send(self._filer(case), WithdrawClaim(claim_id=case.claim_id), case)

    async def _send(self, actor: Actor, command: Command, case: Case) -> None:
        await self._wire.send("aid", actor, command, str(case.number))

    # At the hospital

    async def _quote(self, case: Case) -> None:
        assert case.code is not None
        quote = QuoteSettlement(
            hospital=case.code,
            settlement_number=case.settlement_number,
            member_id=case.patient.member_id,
            care=case.care,
            admitted_on=case.admitted_on,
            discharged_on=case.discharged_on,
            bill=case.bill,
            diagnosis=Personal(case.diagnosis),
            authorisation=f"授权书-{case.number:05d}",
        )
        await self._send(_hospital(case), quote, case)

    # At the desk

    def _filer(self, case: Case) -> Actor:
        match case.channel:
            case Channel.ONLINE:
                return case.patient.acting()
            case Channel.PROXY:
                return self._plan.enterprises[case.patient.enterprise].chair.acting(Role.CADRE)
            case _:
                return OFFICER

    async def _file(self, case: Case) -> None:
        proxy = {Document.PROXY_FORM} if case.channel is Channel.PROXY else set()
        documents = {*self._scheme.required(case.care), *proxy} - {case.missing}
        filed = FileClaim(
            claim_id=case.claim_id,
            member_id=case.patient.member_id,
            care=case.care,
            admitted_on=case.admitted_on,
            discharged_on=case.discharged_on,
            bill=case.bill,
            diagnosis=Personal(case.diagnosis),
            hospital=Personal(case.hospital),
            documents=tuple(sorted(documents)),
        )
        await self._send(self._filer(case), filed, case)

    async def _decide(self, case: Case) -> None:
        """Four eyes above the amount that asks for them."""
        exclusions = (case.exclusion,) if case.exclusion is not None else ()
        await self._send(OFFICER, AssessClaim(claim_id=case.claim_id, exclusions=exclusions), case)
        if case.granted > self._scheme.four_eyes_above:
            await self._send(REVIEWER, ReviewClaim(claim_id=case.claim_id), case)
        await self._send(HEAD, ApproveClaim(claim_id=case.claim_id), case)

    # At the bank

    async def _payday(self, today: date) -> None:
        """One file for all that is due, once each is instructed: which it is by itself, as soon as it is granted, or as
        the account is corrected to which it could not be paid."""
        payments = [_payment(*due) for due in self._due]
        await self._instructed(payments)
        batch_id = BatchId(derived_id(self._plan.root, f"batch {today}"))
        await self._wire.send("aid", HEAD, DrawUpBatch(batch_id=batch_id, payments=tuple(payments)), f"{today}")
        self._at_the_bank, self._due = self._due, []

    async def _instructed(self, payments: Iterable[PaymentId]) -> None:
        wanted = {*payments}

        async def all_wait() -> bool | None:
            answer: OperationsAnswer = await self._wire.ask(HEAD, ShowOperations())
            return True if wanted <= {waiting.payment_id for waiting in answer.to_batch} else None

        await self._wire.until(all_wait)

    async def _results(self, today: date) -> None:
        at_the_bank, self._at_the_bank = self._at_the_bank, []
        await all_of(self._result(case, number, today) for case, number in at_the_bank)

    async def _result(self, case: Case, number: int, today: date) -> None:
        payment = _payment(case, number)
        if case.returned is None or number > 1:
            sent = RecordPaymentSent(payment_id=payment, reference=f"HD{today:%Y%m%d}-{case.number:05d}-{number}")
            await self._send(OFFICER, sent, case)
            return
        await self._send(OFFICER, RecordPaymentReturned(payment_id=payment, ground=case.returned), case)
        patient = case.patient
        account = RecordBankAccount(
            member_id=patient.member_id, account=Personal(patient.corrected_account), bank=Personal(patient.bank)
        )
        await self._wire.send("registry", patient.acting(), account, str(case.number))
        self._due.append((case, number + 1))


def _hospital(case: Case) -> Actor:
    assert case.code is not None
    return Actor(role=Role.HOSPITAL, id=case.code)


def _payment(case: Case, number: int) -> PaymentId:
    return payment_id(case.claim_id, number)
