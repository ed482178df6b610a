"""Workers, officials and hospitals of Dongyang in the winter of 2018, and what they do: words for the tests here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from services.aid.domain import publication
from services.aid.domain.account import ACCOUNT, Account
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.deciding import decide
from services.aid.domain.desk import Desk, fold
from services.aid.domain.facts import AccountOnRecord, AidFacts, Worker
from services.aid.domain.pool import POOL, Ledger, pool_key
from services.aid.domain.reading import reads
from services.aid.rules import shipped
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.specification import Specification
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    BankAccount,
    BatchId,
    Bill,
    CancelSettlement,
    Care,
    ClaimId,
    ConfirmSettlement,
    Document,
    DrawUpBatch,
    EnrolmentId,
    FileClaim,
    InstructPayment,
    PublishScheme,
    QuoteSettlement,
    RecordEmployerPremium,
    RecordPaymentReturned,
    RecordPaymentSent,
    RecordWorkerPremium,
    ReturnGround,
    ReviewClaim,
    SubmitEnrolment,
    account_id,
    payment_id,
    settlement_claim,
)
from shared.schemas.ids import EmployerId, MemberId, UnionId, derived_id
from shared.schemas.messages import Actor, Command, Event, Role
from shared.schemas.money import Fen, fen
from shared.schemas.personal import Personal

DONGYANG, JINHUA = "330783", "330700"
LAST_PERIOD, PERIOD, NEXT_PERIOD = date(2017, 7, 1), date(2018, 7, 1), date(2019, 7, 1)
JUNE, DECEMBER, JANUARY = date(2018, 6, 20), date(2018, 12, 3), date(2019, 1, 10)


def named(name: str) -> UUID:
    return derived_id(UUID(int=0), name)


LI, WANG, CHEN, ZHAO, QIAN, SUN = (MemberId(named(name)) for name in ("李", "王", "陈", "赵", "钱", "孙"))
CABLE, TOYS = EmployerId(named("电缆厂")), EmployerId(named("玩具厂"))
CABLE_UNION, TOYS_UNION = UnionId(named("电缆厂工会")), UnionId(named("玩具厂工会"))
HOSPITAL, OTHER_HOSPITAL = "dyrmyy", "dyzyy"

TIMER = Actor(role=Role.SYSTEM, id="timers")
CADRE = Actor(role=Role.CADRE, id=str(WANG))
CLERK, REVIEWER, HEAD = (Actor(role=Role.OFFICER, id=str(member)) for member in (CHEN, ZHAO, QIAN))
AT_THE_HOSPITAL = Actor(role=Role.HOSPITAL, id=HOSPITAL)


def of(member_id: MemberId) -> Actor:
    return Actor(role=Role.MEMBER, id=str(member_id))


def noon(day: date) -> datetime:
    """Of a day in China."""
    return datetime.combine(day, time(12), SHANGHAI).astimezone(UTC)


def worker(member_id: MemberId = LI, **known: Any) -> Worker:
    """At the cable works."""
    return Worker(**({"member_id": member_id, "employer_id": CABLE, "union_id": CABLE_UNION} | known))


def account(number: str = "6222000000000001", on: date = JUNE, holder: str = "李") -> AccountOnRecord:
    return AccountOnRecord(account=Personal(BankAccount(holder=holder, number=number)), recorded_at=noon(on))


EVERYBODY = {each: worker(each) for each in (LI, WANG, CHEN, ZHAO, QIAN, SUN)}

FACTS = AidFacts(
    now=noon(JANUARY),
    actor=CLERK,
    federation=DONGYANG,
    rulebook=shipped(),
    worker=worker(agents={str(WANG): "委托书2019-1"}),
    workers=EVERYBODY,
    account=account(),
    acts_for=frozenset({CABLE_UNION}),
    acts_for_employers=frozenset({CABLE}),
)


def decided(command: Command, desk: Desk, facts: AidFacts) -> Sequence[Event]:
    """On no more streams than the decision says it reads."""
    if isinstance(command, PublishScheme):
        return publication.decide(command, facts)
    loaded = Desk()
    while missing := reads(command, loaded, facts.rulebook, facts.federation):
        states = {
            aggregate.stream(key): desk.states.get(aggregate.stream(key), aggregate.initial)
            for aggregate, key in missing
        }
        loaded = Desk({**loaded.states, **states})
    return decide(command, loaded, facts)


aid: Specification[Any, Any, Any, AidFacts] = Specification(fold, decided, FACTS)

type Step = tuple[Command, Actor, date]
"""Who does what, and when."""


def played(*steps: Step, after: Sequence[Event] = (), **known: Any) -> tuple[Event, ...]:
    """The history that follows from these commands, each carried out."""
    history = list(after)
    for command, actor, day in steps:
        facts = replace(FACTS, actor=actor, now=noon(day), **known)
        history += decided(command, fold(history), facts)
    return tuple(history)


# Enrolment


def enrolment(name: str = "一") -> EnrolmentId:
    return EnrolmentId(named(f"参保{name}"))


def enrol(
    *members: MemberId, employer: EmployerId = CABLE, period: date = PERIOD, name: str = "一", part: str | None = None
) -> SubmitEnrolment:
    return SubmitEnrolment(
        employer_id=employer,
        period=period,
        enrolment_id=enrolment(name),
        members=members or (LI,),
        employer_part=None if part is None else fen(part),
    )


def employer_pays(
    amount: str = "25", employer: EmployerId = CABLE, period: date = PERIOD, name: str = "一", on: date | None = None
) -> RecordEmployerPremium:
    return RecordEmployerPremium(
        employer_id=employer,
        period=period,
        enrolment_id=enrolment(name),
        amount=fen(amount),
        reference="回单1",
        on=on,
    )


def workers_pay(
    amount: str = "25", employer: EmployerId = CABLE, period: date = PERIOD, name: str = "一", on: date | None = None
) -> RecordWorkerPremium:
    return RecordWorkerPremium(
        employer_id=employer,
        period=period,
        enrolment_id=enrolment(name),
        amount=fen(amount),
        reference="回单2",
        on=on,
    )


def insured(
    *members: MemberId, period: date = PERIOD, on: date = JUNE, after: Sequence[Event] = (), **known: Any
) -> tuple[Event, ...]:
    """Enrolled by the cable works and paid up, before the period begins."""
    half = str(25 * max(1, len(members)))
    name = f"{period}"
    return played(
        (enrol(*members, period=period, name=name), CADRE, on),
        (employer_pays(half, period=period, name=name), CLERK, on),
        (workers_pay(half, period=period, name=name), CLERK, on),
        after=after,
        **known,
    )


COVERED = insured(after=insured(period=LAST_PERIOD, on=date(2017, 6, 20)))
"""Li, in the second year."""


# Claims


def claim(name: str = "一") -> ClaimId:
    return ClaimId(named(f"申请{name}"))


def bill(self_paid: str = "33535.22", *invoices: str, insurance: str = "40000") -> Bill:
    return Bill(
        invoices=invoices or ("33011234567890",),
        total=fen(insurance) + fen(self_paid),
        insurance_paid=fen(insurance),
    )


ALL_DOCUMENTS = (Document.INVOICE, Document.SETTLEMENT_SHEET, Document.DISCHARGE_SUMMARY, Document.IDENTITY)


def file(
    self_paid: str = "33535.22", name: str = "一", invoices: Sequence[str] = ("33011234567890",), **known: Any
) -> FileClaim:
    """For twelve days in hospital, with cirrhosis, in December; on the default table 33,535.22 pays 17,421.13."""
    usual: dict[str, Any] = {
        "claim_id": claim(name),
        "member_id": LI,
        "care": Care.INPATIENT,
        "admitted_on": DECEMBER,
        "discharged_on": date(2018, 12, 15),
        "bill": bill(self_paid, *invoices),
        "diagnosis": Personal("肝硬化"),
        "hospital": Personal("东阳市人民医院"),
        "documents": ALL_DOCUMENTS,
    }
    return FileClaim(**(usual | known))


def assess(name: str = "一", **known: Any) -> AssessClaim:
    return AssessClaim(claim_id=claim(name), **known)


def approve(name: str = "一") -> ApproveClaim:
    return ApproveClaim(claim_id=claim(name))


def decided_for(self_paid: str = "33535.22", name: str = "一", **known: Any) -> list[Step]:
    """From filing to approval, by three people."""
    return [
        (file(self_paid, name, **known), of(LI), JANUARY),
        (assess(name), CLERK, JANUARY),
        (ReviewClaim(claim_id=claim(name)), REVIEWER, JANUARY),
        (approve(name), HEAD, JANUARY),
    ]


def granted(self_paid: str = "33535.22", after: Sequence[Event] = COVERED) -> tuple[Event, ...]:
    return played(*decided_for(self_paid), after=after)


def pay(name: str = "一") -> InstructPayment:
    return InstructPayment(claim_id=claim(name))


def batch(claim_id: ClaimId | None = None, number: int = 1, name: str = "一") -> DrawUpBatch:
    key = payment_id(claim() if claim_id is None else claim_id, number)
    return DrawUpBatch(batch_id=BatchId(named(f"批次{name}")), payments=(key,))


def sent(claim_id: ClaimId | None = None, number: int = 1) -> RecordPaymentSent:
    return RecordPaymentSent(
        payment_id=payment_id(claim() if claim_id is None else claim_id, number), reference="流水9"
    )


def returned(
    ground: ReturnGround = ReturnGround.ACCOUNT_CLOSED, claim_id: ClaimId | None = None, number: int = 1
) -> RecordPaymentReturned:
    return RecordPaymentReturned(
        payment_id=payment_id(claim() if claim_id is None else claim_id, number), ground=ground
    )


def paid(self_paid: str = "33535.22") -> tuple[Event, ...]:
    return played(
        (pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY), (sent(), CLERK, JANUARY), after=granted(self_paid)
    )


# One-stop settlement


def quote(
    self_paid: str = "33535.22", number: str = "S1", invoices: Sequence[str] = ("33019999000001",), **known: Any
) -> QuoteSettlement:
    usual: dict[str, Any] = {
        "hospital": HOSPITAL,
        "settlement_number": number,
        "member_id": LI,
        "care": Care.INPATIENT,
        "admitted_on": date(2018, 12, 28),
        "discharged_on": JANUARY,
        "bill": bill(self_paid, *invoices),
        "diagnosis": Personal("肝硬化"),
        "authorisation": "授权书77",
    }
    return QuoteSettlement(**(usual | known))


def confirm(number: str = "S1", hospital: str = HOSPITAL) -> ConfirmSettlement:
    return ConfirmSettlement(hospital=hospital, settlement_number=number)


def cancel(number: str = "S1", hospital: str = HOSPITAL) -> CancelSettlement:
    return CancelSettlement(hospital=hospital, settlement_number=number)


SETTLEMENT = settlement_claim(HOSPITAL, "S1")


def quoted(self_paid: str = "33535.22", after: Sequence[Event] = COVERED) -> tuple[Event, ...]:
    return played((quote(self_paid), AT_THE_HOSPITAL, JANUARY), after=after)


def confirmed(self_paid: str = "33535.22", after: Sequence[Event] = COVERED) -> tuple[Event, ...]:
    return played((confirm(), AT_THE_HOSPITAL, JANUARY), after=quoted(self_paid, after))


# What a history leaves


def state_of(history: Sequence[Event], key: ClaimId | None = None) -> Claim:
    state = fold(history).of(CLAIM, claim() if key is None else key)
    assert state is not None
    return state


def account_of(history: Sequence[Event], member_id: MemberId = LI, period: date = PERIOD) -> Account:
    state: Account = fold(history).states.get(ACCOUNT.stream(account_id(member_id, period)), Account())
    return state


def ledger_of(history: Sequence[Event], county: str = DONGYANG, period: date = PERIOD) -> Ledger:
    state: Ledger = fold(history).states.get(POOL.stream(pool_key(county, period)), Ledger())
    return state


def left(history: Sequence[Event]) -> Fen:
    """Of Li's ceiling in the period."""
    return fen(30_000) - account_of(history).used


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def only[E: Event](kind: type[E], events: Sequence[Event]) -> E:
    (found,) = (event for event in events if isinstance(event, kind))
    return found
