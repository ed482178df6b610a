"""What may be asked for a file's sake: what became of the lines of a roster, and what a batch says to the bank."""

from datetime import date
from typing import ClassVar

from shared.schemas.aid.queries import Answer
from shared.schemas.aid.terms import BankAccount, BatchId, EnrolmentId, LeftOut, Payee, PaymentId, PeriodStart
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Query, Role
from shared.schemas.money import Fen
from shared.schemas.personal import Personal

__all__ = ["BatchFileAnswer", "BatchLine", "EnrolmentLinesAnswer", "ShowBatchFile", "ShowEnrolmentLines"]


class EnrolmentLinesAnswer(Answer):
    enrolment_id: EnrolmentId
    members: tuple[MemberId, ...]
    left_out: tuple[LeftOut, ...]
    employer_due: Fen
    worker_due: Fen


class ShowEnrolmentLines(Query[EnrolmentLinesAnswer]):
    """Who was enrolled by a roster that was accepted, and who was left out of it, and why."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.CADRE, Role.OFFICER, Role.OPERATOR})

    employer_id: EmployerId
    period: PeriodStart
    enrolment_id: EnrolmentId


class BatchLine(Answer):
    payment_id: PaymentId
    amount: Fen
    payee: Payee
    account: Personal[BankAccount] | None
    """In clear where it was asked for: as it was when the payment was instructed; erased where the person was since."""


class BatchFileAnswer(Answer):
    batch_id: BatchId
    drawn_up_on: date
    """In China."""
    lines: tuple[BatchLine, ...]
    total: Fen


class ShowBatchFile(Query[BatchFileAnswer]):
    """A batch; `in_clear` with its accounts, for the officer who takes it to the bank."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER})

    batch_id: BatchId
    in_clear: bool = False
