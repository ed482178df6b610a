"""What lending answers."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.ids import MemberId, UnionId
from shared.schemas.lending.terms import Batch, Code, ItemStatus, Kind, LoanId, PointId
from shared.schemas.messages import Instant, Query, Role

__all__ = [
    "BorrowedItem",
    "LabelSheet",
    "PointRow",
    "PrintLabels",
    "ShelfAnswer",
    "ShelfItem",
    "ShowBorrowed",
    "ShowShelf",
    "ShowTable",
    "ShowTimerLag",
    "ShowUsage",
    "TableAnswer",
    "Tally",
    "TimerLag",
    "UsageRow",
]

STAFF = frozenset({Role.CADRE, Role.OFFICER, Role.OPERATOR})


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class BorrowedItem(Answer):
    code: Code
    kind: Kind
    name: str
    loan_id: LoanId
    point_id: PointId
    borrowed_at: Instant
    due_at: Instant
    overdue: bool


class ShowBorrowed(Query[tuple[BorrowedItem, ...]]):
    """What a worker has, and until when; the first due first. A member asks about themselves."""

    roles: ClassVar[frozenset[Role]] = STAFF | {Role.MEMBER}

    member_id: MemberId


class ShelfItem(Answer):
    code: Code
    kind: Kind
    status: ItemStatus


class ShelfAnswer(Answer):
    """`items` are on hand: ready, in care, or damaged."""

    point_id: PointId
    name: str
    items: tuple[ShelfItem, ...]


class ShowShelf(Query[ShelfAnswer]):
    roles: ClassVar[frozenset[Role]] = STAFF | {Role.MEMBER}

    point_id: PointId


class Tally(Answer):
    """Each item counts once: `on_hand + out + overdue + in_care + lost + written_off`. `in_care` has the damaged."""

    on_hand: int = 0
    out: int = 0
    overdue: int = 0
    in_care: int = 0
    lost: int = 0
    written_off: int = 0

    @property
    def total(self) -> int:
        return self.on_hand + self.out + self.overdue + self.in_care + self.lost + self.written_off


class PointRow(Answer):
    """An item counts where it is, or whence it was borrowed or lost: `tally.total == allocated + carried_in`."""

    point_id: PointId
    name: str
    union_id: UnionId
    allocated: int
    carried_in: int
    """By moves and by returns at another point; less than 0 where more went than came."""
    tally: Tally


class TableAnswer(Answer):
    """`total.total == allocated`: what the federation gave out is always accounted for."""

    kind: Kind
    allocated: int
    total: Tally
    points: tuple[PointRow, ...]


class ShowTable(Query[TableAnswer]):
    """Where all of the federation's items of a kind are."""

    roles: ClassVar[frozenset[Role]] = STAFF

    kind: Kind


class TimerLag(Answer):
    """At the service's instant `at`, `late` timers are due and have not fired, the first for `seconds`."""

    at: Instant
    waiting: int
    late: int
    seconds: float


class ShowTimerLag(Query[TimerLag]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OPERATOR, Role.OFFICER})


class UsageRow(Answer):
    """Of a day in China: loans begun, returned in time, and late; by when the scans were made."""

    on: date
    borrowed: int
    returned: int
    returned_late: int


class ShowUsage(Query[tuple[UsageRow, ...]]):
    """Day by day, both days included; days on which nothing happened are left out."""

    roles: ClassVar[frozenset[Role]] = STAFF

    kind: Kind
    since: date
    until: date


class LabelSheet(Answer):
    """A page of HTML to print, with a QR code of each item's code."""

    codes: tuple[Code, ...]
    html: str


class PrintLabels(Query[LabelSheet]):
    """Labels of a batch, by number."""

    roles: ClassVar[frozenset[Role]] = STAFF

    batch: Batch
    first: Annotated[int, Field(ge=1)] = 1
    count: Annotated[int, Field(ge=1, le=200)] = 100
