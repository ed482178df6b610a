"""Read models of mutual aid's own log. None holds a diagnosis, a hospital's name or an account."""

from typing import Any, Final

from services.aid.views.claims import ClaimRow, Claims
from services.aid.views.covers import AccountRow, Accounts, EnrolmentRow, Enrolments, MembershipRow, Memberships
from services.aid.views.fund import FundDayRow, FundDays
from services.aid.views.payments import Batches, BatchRow, PaymentRow, Payments
from services.aid.views.settlements import SettlementRow, Settlements
from services.aid.views.slots import SlotRow, Slots
from shared.eventsourcing.view import View

__all__ = [
    "VIEWS",
    "AccountRow",
    "Accounts",
    "BatchRow",
    "Batches",
    "ClaimRow",
    "Claims",
    "EnrolmentRow",
    "Enrolments",
    "FundDayRow",
    "FundDays",
    "MembershipRow",
    "Memberships",
    "PaymentRow",
    "Payments",
    "SettlementRow",
    "Settlements",
    "SlotRow",
    "Slots",
]

VIEWS: Final[tuple[View[Any], ...]] = (
    Memberships(),
    Enrolments(),
    Accounts(),
    Claims(),
    Settlements(),
    Payments(),
    Batches(),
    FundDays(),
    Slots(),
)
