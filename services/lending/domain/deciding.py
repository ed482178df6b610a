"""Which decision a command about one item asks for."""

from services.lending.domain.borrowing import borrow, extend, give_back
from services.lending.domain.chasing import chase
from services.lending.domain.desk import Desk
from services.lending.domain.facts import LendingFacts
from services.lending.domain.keeping import keep
from shared.schemas.lending import BorrowItem, ExtendLoan, ItemCommand, LoanTimer, ReturnItem
from shared.schemas.messages import Event

__all__ = ["decide"]


def decide(command: ItemCommand, desk: Desk, facts: LendingFacts) -> list[Event]:
    """On one item."""
    match command:
        case BorrowItem():
            return borrow(command, desk, facts)
        case ReturnItem():
            return give_back(command, desk, facts)
        case ExtendLoan():
            return extend(command, desk, facts)
        case LoanTimer():
            return chase(command, desk, facts)
        case _:
            return keep(command, desk, facts)
