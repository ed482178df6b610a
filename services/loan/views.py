"""Read models of the loan's own log: applications, lines, and draws. The account of a line, to the day, is no table:
it is worked out from the line's stream (`services.loan.answers`)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.loan import (
    ApplicationFiled,
    ApplicationId,
    ApplicationLapsed,
    ApplicationRecommended,
    ApplicationRejected,
    ApplicationStatus,
    ApplicationWithdrawn,
    CreditApplied,
    DrawDisbursed,
    DrawdownCancelled,
    DrawdownExpired,
    DrawdownRefused,
    DrawdownRequested,
    DrawId,
    DrawStatus,
    Ground,
    InstalmentCured,
    InstalmentOverdue,
    LimitChanged,
    LineClosed,
    LineExpired,
    LineFrozen,
    LineId,
    LineMoved,
    LineOpened,
    LineRetiered,
    LineStatus,
    LineUnfrozen,
    LoanAccepted,
    LoanDeclined,
    LoanEndorsed,
    RepaymentReallocated,
    RepaymentReceived,
    RepaymentReversed,
    Stage,
    Tier,
)
from shared.schemas.money import Fen

__all__ = ["ApplicationRow", "Applications", "DrawRow", "Draws", "LineRow", "Lines"]

ENDS = {
    ApplicationRejected: ApplicationStatus.REJECTED,
    ApplicationWithdrawn: ApplicationStatus.WITHDRAWN,
    ApplicationLapsed: ApplicationStatus.LAPSED,
}


@dataclass(slots=True)
class ApplicationRow:
    """`rate` is JSON as on the wire. Tier, cap and assessment are of the filing, then of the endorsement; what the
    assessment rests on stands in the stream alone, sealed (`services.loan.means`)."""

    application_id: ApplicationId
    federation: str
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: str
    status: ApplicationStatus
    amount: Fen
    tier: Tier
    cap: Fen
    assessed: Fen
    rate: str
    act_by: datetime | None
    filed_at: datetime
    sent_to_bank: bool = False
    ended_at: Stage | None = None
    ground: Ground | None = None
    line_id: LineId | None = None


class Applications(View[ApplicationRow]):
    """Every application, and where it stands."""

    name, version, key = "applications", 2, ("application_id",)
    indexes = (("member_id",), ("union_id", "status"), ("bank", "status"))

    @on(ApplicationFiled)
    def filed(self, rows: Rows[ApplicationRow], event: ApplicationFiled, at: Recorded) -> None:
        rows.put(
            ApplicationRow(
                application_id=event.application_id,
                federation=at.meta.federation,
                member_id=event.member_id,
                household_id=event.household_id,
                union_id=event.union_id,
                bank=event.bank,
                status=ApplicationStatus.FILED,
                amount=event.amount,
                tier=event.tier,
                cap=event.cap,
                assessed=event.assessed,
                rate=event.rate.model_dump_json(),
                act_by=event.recommend_by,
                filed_at=at.meta.time,
            )
        )

    @on(ApplicationRecommended)
    def recommended(self, rows: Rows[ApplicationRow], event: ApplicationRecommended, at: Recorded) -> None:
        row = rows.get(event.application_id)
        row.status, row.act_by = ApplicationStatus.RECOMMENDED, event.endorse_by

    @on(LoanEndorsed)
    def endorsed(self, rows: Rows[ApplicationRow], event: LoanEndorsed, at: Recorded) -> None:
        row = rows.get(event.application_id)
        row.status, row.act_by, row.sent_to_bank = ApplicationStatus.ENDORSED, event.answer_by, True
        row.tier, row.cap, row.assessed = event.tier, event.cap, event.assessed
        row.rate = event.rate.model_dump_json()

    @on(ApplicationRejected, ApplicationWithdrawn, ApplicationLapsed)
    def ended(
        self,
        rows: Rows[ApplicationRow],
        event: ApplicationRejected | ApplicationWithdrawn | ApplicationLapsed,
        at: Recorded,
    ) -> None:
        row = rows.get(event.application_id)
        row.status, row.act_by, row.ended_at = ENDS[type(event)], None, event.stage
        row.ground = event.ground if isinstance(event, ApplicationRejected) else None

    @on(LoanAccepted)
    def accepted(self, rows: Rows[ApplicationRow], event: LoanAccepted, at: Recorded) -> None:
        row = rows.get(event.application_id)
        row.status, row.act_by, row.ended_at = ApplicationStatus.ACCEPTED, None, Stage.BANK_ANSWER
        row.line_id = event.line_id

    @on(LoanDeclined)
    def declined(self, rows: Rows[ApplicationRow], event: LoanDeclined, at: Recorded) -> None:
        row = rows.get(event.application_id)
        row.status, row.act_by, row.ended_at = ApplicationStatus.DECLINED, None, Stage.BANK_ANSWER
        row.ground = event.ground


@dataclass(slots=True)
class LineRow:
    """`used` is `drawn` without what `repaid` says each entry of the account has paid of it; `overdue` holds the due
    dates, as ISO text, of instalments that are overdue, by `draw number`."""

    line_id: LineId
    federation: str
    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: str
    status: LineStatus
    tier: Tier | None
    limit: Fen
    ceiling: Fen
    opened_on: date
    expires_on: date
    opened_at: datetime
    drawn: Fen = 0
    used: Fen = 0
    pending: Fen = 0
    overdue_since: date | None = None
    expired: bool = False
    frozen_by: list[str] = field(default_factory=list)
    repaid: dict[str, int] = field(default_factory=dict)
    overdue: dict[str, str] = field(default_factory=dict)

    def stands(self) -> None:
        """Have the status follow from what is known."""
        if self.status is not LineStatus.CLOSED:
            frozen = LineStatus.FROZEN if self.frozen_by else LineStatus.OPEN
            self.status = LineStatus.EXPIRED if self.expired else frozen

    def owes(self) -> None:
        """Have the principal owed follow from what is known."""
        self.used = self.drawn - sum(self.repaid.values())

    def is_late(self) -> None:
        """Have the oldest unpaid due date follow from what is known."""
        self.overdue_since = date.fromisoformat(min(self.overdue.values())) if self.overdue else None


class Lines(View[LineRow]):
    """Every line: limit, principal owed, what is held for draws, and what is overdue."""

    name, version, key = "lines", 1, ("line_id",)
    indexes = (("member_id",), ("household_id",), ("federation", "status"))

    @on(LineOpened)
    def opened(self, rows: Rows[LineRow], event: LineOpened, at: Recorded) -> None:
        rows.put(
            LineRow(
                line_id=event.line_id,
                federation=at.meta.federation,
                application_id=event.application_id,
                member_id=event.member_id,
                household_id=event.household_id,
                union_id=event.union_id,
                bank=event.bank,
                status=LineStatus.OPEN,
                tier=event.tier,
                limit=event.limit,
                ceiling=event.limit,
                opened_on=event.opened_on,
                expires_on=event.expires_on,
                opened_at=at.meta.time,
            )
        )

    @on(LineRetiered)
    def retiered(self, rows: Rows[LineRow], event: LineRetiered, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.tier, row.ceiling = event.tier, event.ceiling

    @on(LineMoved)
    def moved(self, rows: Rows[LineRow], event: LineMoved, at: Recorded) -> None:
        rows.get(event.line_id).household_id = event.household_id

    @on(LimitChanged)
    def relimited(self, rows: Rows[LineRow], event: LimitChanged, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.limit, row.ceiling = event.limit, event.ceiling

    @on(LineFrozen)
    def frozen(self, rows: Rows[LineRow], event: LineFrozen, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.frozen_by = [*row.frozen_by, event.by.value]
        row.stands()

    @on(LineUnfrozen)
    def unfrozen(self, rows: Rows[LineRow], event: LineUnfrozen, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.frozen_by = [by for by in row.frozen_by if by != event.by.value]
        row.stands()

    @on(LineExpired)
    def expired(self, rows: Rows[LineRow], event: LineExpired, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.expired = True
        row.stands()

    @on(LineClosed)
    def closed(self, rows: Rows[LineRow], event: LineClosed, at: Recorded) -> None:
        rows.get(event.line_id).status = LineStatus.CLOSED

    @on(DrawdownRequested)
    def requested(self, rows: Rows[LineRow], event: DrawdownRequested, at: Recorded) -> None:
        rows.get(event.line_id).pending += event.amount

    @on(DrawdownRefused, DrawdownCancelled, DrawdownExpired)
    def let_go(
        self, rows: Rows[LineRow], event: DrawdownRefused | DrawdownCancelled | DrawdownExpired, at: Recorded
    ) -> None:
        rows.get(event.line_id).pending -= event.amount

    @on(DrawDisbursed)
    def disbursed(self, rows: Rows[LineRow], event: DrawDisbursed, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.pending -= event.amount
        row.drawn += event.amount
        row.owes()

    @on(RepaymentReceived)
    def received(self, rows: Rows[LineRow], event: RepaymentReceived, at: Recorded) -> None:
        self._pays(rows.get(event.line_id), event.repayment_id, event)

    @on(CreditApplied, RepaymentReallocated)
    def applied(self, rows: Rows[LineRow], event: CreditApplied | RepaymentReallocated, at: Recorded) -> None:
        self._pays(rows.get(event.line_id), event.entry_id, event)

    @on(RepaymentReversed)
    def reversed(self, rows: Rows[LineRow], event: RepaymentReversed, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.repaid = {entry: principal for entry, principal in row.repaid.items() if entry != str(event.repayment_id)}
        row.owes()

    @staticmethod
    def _pays(row: LineRow, entry: UUID, event: RepaymentReceived | CreditApplied | RepaymentReallocated) -> None:
        principal = sum(allocation.principal for allocation in event.allocations)
        row.repaid = {**row.repaid, str(entry): principal}
        row.owes()

    @on(InstalmentOverdue)
    def fell_overdue(self, rows: Rows[LineRow], event: InstalmentOverdue, at: Recorded) -> None:
        row = rows.get(event.line_id)
        row.overdue = {**row.overdue, f"{event.draw_id} {event.number}": event.due.isoformat()}
        row.is_late()

    @on(InstalmentCured)
    def cured(self, rows: Rows[LineRow], event: InstalmentCured, at: Recorded) -> None:
        row, paid = rows.get(event.line_id), f"{event.draw_id} {event.number}"
        row.overdue = {instalment: due for instalment, due in row.overdue.items() if instalment != paid}
        row.is_late()


@dataclass(slots=True)
class DrawRow:
    """`terms` is JSON as on the wire. What a draw that was paid out still owes stands in its line's stream."""

    draw_id: DrawId
    federation: str
    line_id: LineId
    member_id: MemberId
    bank: str
    status: DrawStatus
    amount: Fen
    terms: str
    requested_on: date
    disburse_by: datetime


class Draws(View[DrawRow]):
    """Every draw that was requested, and what became of it."""

    name, version, key = "draws", 1, ("draw_id",)
    indexes = (("line_id",), ("bank", "status"))

    @on(DrawdownRequested)
    def requested(self, rows: Rows[DrawRow], event: DrawdownRequested, at: Recorded) -> None:
        rows.put(
            DrawRow(
                draw_id=event.draw_id,
                federation=at.meta.federation,
                line_id=event.line_id,
                member_id=event.member_id,
                bank=event.bank,
                status=DrawStatus.REQUESTED,
                amount=event.amount,
                terms=event.terms.model_dump_json(),
                requested_on=event.on,
                disburse_by=event.disburse_by,
            )
        )

    @on(DrawDisbursed)
    def disbursed(self, rows: Rows[DrawRow], event: DrawDisbursed, at: Recorded) -> None:
        rows.get(event.draw_id).status = DrawStatus.DISBURSED

    @on(DrawdownRefused)
    def refused(self, rows: Rows[DrawRow], event: DrawdownRefused, at: Recorded) -> None:
        rows.get(event.draw_id).status = DrawStatus.REFUSED

    @on(DrawdownCancelled)
    def cancelled(self, rows: Rows[DrawRow], event: DrawdownCancelled, at: Recorded) -> None:
        rows.get(event.draw_id).status = DrawStatus.CANCELLED

    @on(DrawdownExpired)
    def expired(self, rows: Rows[DrawRow], event: DrawdownExpired, at: Recorded) -> None:
        rows.get(event.draw_id).status = DrawStatus.EXPIRED
