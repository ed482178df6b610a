"""A member and a kind: at most one loan under way."""

from dataclasses import dataclass

from shared.eventsourcing.decider import Aggregate
from shared.schemas.lending import BorrowerBound, BorrowerEvent, BorrowerFreed, Code, LoanId

__all__ = ["BORROWER", "Borrower", "evolve"]


@dataclass(frozen=True, slots=True)
class Borrower:
    """`loan_id` and `code` of what they have."""

    loan_id: LoanId | None = None
    code: Code = ""


def evolve(state: Borrower, event: BorrowerEvent) -> Borrower:
    match event:
        case BorrowerBound(loan_id=loan_id, code=code):
            return Borrower(loan_id, code)
        case BorrowerFreed(loan_id=loan_id) if loan_id == state.loan_id:
            return Borrower()
        case _:
            return state


BORROWER: Aggregate[Borrower, BorrowerEvent] = Aggregate("borrower", Borrower(), evolve)
