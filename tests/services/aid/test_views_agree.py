"""Whatever happens in whatever order, the read models show what the streams say, at any prefix of the log and folded
in any way: event by event, twice after a crash, or all at once as a rebuild does."""

from collections import Counter
from datetime import date

from hypothesis import settings

from services.aid.domain.account import Account
from services.aid.domain.claim import Claim, Stage
from services.aid.domain.contract import Contract
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.payment import Payment, PaymentStage
from services.aid.domain.pool import POOL, pool_key
from services.aid.views import (
    Accounts,
    ClaimRow,
    Claims,
    Enrolments,
    FundDayRow,
    FundDays,
    Memberships,
    Payments,
    Settlements,
)
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.aid import (
    ClaimStatus,
    LedgerAccount,
    MembershipEvent,
    PaymentStatus,
    PoolPosted,
    SettlementStatus,
    account_id,
)
from shared.schemas.messages import Event, Federation
from tests.services.aid import test_invariants
from tests.services.aid.cases import DONGYANG

STANDING = {
    Stage.FILED: {ClaimStatus.FILED},
    Stage.ASSESSED: {ClaimStatus.ASSESSED},
    Stage.REVIEWED: {ClaimStatus.REVIEWED},
    Stage.QUOTED: {ClaimStatus.QUOTED},
    Stage.APPROVED: {ClaimStatus.APPROVED, ClaimStatus.SETTLED},
    Stage.REJECTED: {ClaimStatus.REJECTED},
    Stage.WITHDRAWN: {ClaimStatus.WITHDRAWN},
    Stage.LAPSED: {ClaimStatus.LAPSED},
    Stage.REVERSED: {ClaimStatus.REVERSED},
}
PAYMENTS = {
    PaymentStage.WAITING: PaymentStatus.WAITING,
    PaymentStage.AT_THE_BANK: PaymentStatus.AT_THE_BANK,
    PaymentStage.SENT: PaymentStatus.SENT,
    PaymentStage.RETURNED: PaymentStatus.RETURNED,
    PaymentStage.WITHDRAWN: PaymentStatus.WITHDRAWN,
}


def shown[R](view: View[R], log: list[Event]) -> list[R]:
    return ViewSpecification(view, federation=DONGYANG).given(*log).rows


class BenefitsShown(test_invariants.Benefits):
    """The same claims, payments and reversals; at the end the read models are compared with the streams."""

    def teardown(self) -> None:
        self.claims_show_their_streams()
        self.settlements_show_what_the_hospital_was_told()
        self.payments_show_their_streams()
        self.accounts_show_their_streams()
        self.the_ledger_balances_day_by_day()

    def claims_show_their_streams(self) -> None:
        rows = {row.claim_id: row for row in shown(Claims(), self.log)}
        assert rows.keys() == self.claims().keys()
        for key, state in self.claims().items():
            _same(rows[key], state)

    def settlements_show_what_the_hospital_was_told(self) -> None:
        rows = {row.claim_id: row for row in shown(Settlements(), self.log)}
        states = {key: state for key, state in self.claims().items() if state.hospital is not None}
        assert rows.keys() == states.keys()
        for key, state in states.items():
            assert (rows[key].status is SettlementStatus.QUOTED) == (state.stage is Stage.QUOTED)
            assert (rows[key].status is SettlementStatus.LAPSED) == (state.stage is Stage.LAPSED)
            assert rows[key].confirmed_on == state.confirmed_on
            assert rows[key].amount > 0

    def payments_show_their_streams(self) -> None:
        rows = {row.payment_id: row for row in shown(Payments(), self.log)}
        states = {state.payment_id: state for state in self.states("payment", Payment).values()}
        assert {key: (row.status, row.amount, row.recalled) for key, row in rows.items()} == {
            key: (PAYMENTS[state.stage], state.amount, state.recalled) for key, state in states.items()
        }

    def accounts_show_their_streams(self) -> None:
        rows = {row.account_id: row for row in shown(Accounts(), self.log)}
        states = {
            account_id(state.member_id, state.period): self.desk.account(state)
            for state in self.claims().values()
            if self.desk.states.get(f"account-{account_id(state.member_id, state.period)}", Account()) != Account()
        }
        for key, state in states.items():
            assert rows[key].reserved == sum(state.reserved.values())
            assert rows[key].settled == sum(state.settled.values())
        assert all(row.reserved == row.settled == 0 for key, row in rows.items() if key not in states)

    def the_ledger_balances_day_by_day(self) -> None:
        """At every position each row by itself, and so every sum of rows."""
        view, rows = FundDays(), Rows[FundDayRow](FundDays.key, complete=True)
        for recorded in ViewSpecification(view, federation=DONGYANG).given(*self.log).history:
            if isinstance(recorded.event, PoolPosted):
                view.posted(rows, recorded.event, recorded)
                assert all(row is not None and sum(row.movements.values()) == 0 for row in rows.held.values())
        balances: dict[tuple[Federation, date], Counter[LedgerAccount]] = {}
        for row in shown(FundDays(), self.log):
            balances.setdefault((row.county, row.period), Counter()).update(row.movements)
        for (county, period), sums in balances.items():
            ledger = self.desk.of(POOL, pool_key(county, period))
            assert {account: sums[account] for account in LedgerAccount} == {
                account: ledger[account] for account in LedgerAccount
            }


def _same(row: ClaimRow, state: Claim) -> None:
    assert row.status in STANDING[state.stage]
    assert (row.granted, row.paid, row.owed_back) == (state.granted, state.paid, state.owed_back)
    assert (row.live, row.live_amount, row.due) == (state.live, state.live_amount, state.due)
    assert (row.payee_died, row.has_successor) == (state.payee_died, state.successor_at is not None)
    assert row.reopened == state.reopened
    assert row.assessed_by == state.assessed_by
    assert row.amount == (state.assessment.amount if state.assessment is not None else 0)
    if state.stage is Stage.APPROVED:
        assert (row.status is ClaimStatus.SETTLED) == (state.paid == state.granted)
        assert row.granted_on is not None


class CoverShown(test_invariants.Cover):
    """The same rosters, premiums and renewals."""

    def teardown(self) -> None:
        rows = {row.membership_id: row for row in shown(Memberships(), self.log)}
        ever = {event.membership_id for event in self.log if isinstance(event, MembershipEvent)}
        states = {key: state for key in ever if (state := self.desk.of(MEMBERSHIP, key)) is not None}
        assert {key: (row.contract_id, row.enrolment_id, row.first, row.last) for key, row in rows.items()} == {
            key: (
                state.contract_id,
                state.enrolment_id,
                state.cover.first if state.cover is not None else None,
                state.cover.last if state.cover is not None else None,
            )
            for key, state in states.items()
        }
        enrolments = {(row.contract_id, row.enrolment_id): row for row in shown(Enrolments(), self.log)}
        for stream, contract in self.states("contract", Contract).items():
            for key, enrolment in contract.enrolments.items():
                row = next(row for at, row in enrolments.items() if f"contract-{at[0]}" == stream and at[1] == key)
                assert (row.members, row.ended) == (len(enrolment.members), enrolment.ended)
                assert (row.employer_paid_on, row.worker_paid_on) == (
                    enrolment.employer.paid_on,
                    enrolment.worker.paid_on,
                )


TestBenefitsShown = BenefitsShown.TestCase
TestBenefitsShown.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCoverShown = CoverShown.TestCase
TestCoverShown.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
