"""Which provider a message goes by: weights, health, approval, budgets."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.notify.boards import Approvals, Providers
from services.notify.channels import Email, Sms
from services.notify.ledger import Ledger, Line
from services.notify.limits import Per, Spending
from services.notify.outlets import Outlet, choose
from services.notify.preparing import NOTIFY, NOWHERE, Prepared
from services.notify.resources import Resources
from services.notify.views import NotificationRow
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.notify import Approval, Channel, Deferral, ShiftProvider

__all__ = ["Choosing", "Later"]

APPROVAL_PAUSE: Final = timedelta(hours=1)
"""Until a message is looked at again whose template a vendor is looking at."""


@dataclass(frozen=True, slots=True)
class Later:
    """No provider may take it before `until`; never, where that is None, for no vendor took its words."""

    until: datetime | None
    why: Deferral


class Choosing:
    def __init__(self, running: Running, channel: Channel, outlets: Mapping[str, Outlet]) -> None:
        self._running, self._channel, self._outlets = running, channel, outlets
        self._resources: Resources = running.resources
        self._ledger = Ledger(running.store.pool)
        self._unwritten: set[UUID] = set()
        self._written = asyncio.Event()
        self._approvals: dict[tuple[str, str], str] = {}
        self._spending: dict[str, list[Spending]] = {}

    async def restore(self) -> None:
        """The shares that providers had when they were last shifted."""
        for row in await self._running.read_models.some(Providers, "true"):
            if (outlet := self._outlets.get(row.provider)) is not None:
                outlet.shares.shares = row.shares

    async def shift(self) -> bool:
        """Give providers in trouble less, and those that are well again more."""
        for outlet in self._outlets.values():
            if (why := outlet.shares.shift()) is not None:
                command = ShiftProvider(provider=outlet.name, shares=outlet.shares.shares, why=why)
                await self._running.commands.carry_out(command, Envelope.fresh(NOTIFY, NOWHERE))
        return False

    def federations(self) -> tuple[str, tuple[Any, ...]]:
        """A condition on the federations whose messages somebody may take now, and its argument, the sixth."""
        ways, now = self._resources.ways, self._running.clock.now()
        opened = {name for name, outlet in self._outlets.items() if outlet.is_open(now)}
        own = {code: not opened.isdisjoint(ways.of(code, self._channel)) for code in ways.federations}
        if not opened.isdisjoint(ways.of(NOWHERE, self._channel)):
            shut = [code for code, is_open in own.items() if not is_open]
            return (" and federation <> all ($6)", (shut,)) if shut else ("", ())
        return " and federation = any ($6)", ([code for code, is_open in own.items() if is_open],)

    async def look(self, page: Sequence[tuple[NotificationRow, Prepared]]) -> None:
        """What has been spent of budgets, and what vendors approved, as far as a page's messages need it."""
        now = self._running.clock.now()
        limited = [outlet for outlet in self._outlets.values() if outlet.limits.budgets]
        if limited:
            while self._unwritten:
                self._written.clear()
                await self._written.wait()
            numbers = list({self.number(message) for _, message in page if isinstance(message, Sms | Email)})
            self._spending = {
                outlet.name: [
                    await self._ledger.spending(outlet.name, budget, numbers, now) for budget in outlet.limits.budgets
                ]
                for outlet in limited
            }
        if any(outlet.limits.needs_approval for outlet in self._outlets.values()):
            rows = await self._running.read_models.some(Approvals, "true")
            self._approvals = {(row.provider, row.template): row.approval for row in rows}

    def number(self, message: Sms | Email) -> bytes:
        return self._resources.pseudonyms.of(message.to)

    def choose(self, row: NotificationRow, message: Sms | Email) -> Outlet | Later | None:
        """The provider for a message, which may have no room at the moment; None where those that could take it are
        shut for a while, or the federation has none."""
        weights = self._resources.ways.of(row.federation, self._channel)
        if row.bound is not None:
            weights = {row.bound: 1}
        outlets = [outlet for name, outlet in self._outlets.items() if name in weights]
        if outlets and not (approved := self._approved(row, outlets)):
            return self._unapproved(row, outlets)
        if not outlets:
            return None
        now = self._running.clock.now()
        opened = [outlet for outlet in approved if outlet.is_open(now) and outlet.takes(_template(row))]
        untils = {outlet.name: self._spent_until(outlet, row, message) for outlet in opened}
        able = [outlet for outlet in opened if untils[outlet.name] is None and outlet.is_open(now)]
        if not able:
            narrow = [until for outlet in opened if (until := untils[outlet.name]) and outlet.is_open(now)]
            return Later(min(narrow), Deferral.BUDGET) if narrow and len(narrow) == len(approved) else None
        others = [outlet for outlet in able if outlet.name != row.provider or len(able) == 1]
        ready = [outlet for outlet in others if outlet.wait() == 0.0]
        return choose(ready, weights) if ready else min(others, key=lambda outlet: outlet.wait())

    def others(self, row: NotificationRow, outlet: Outlet) -> bool:
        """Whether another provider might take a message now that this one did not."""
        weights, now = self._resources.ways.of(row.federation, self._channel), self._running.clock.now()
        return any(
            other.name != outlet.name and other.name in weights and other.is_open(now)
            for other in self._outlets.values()
        )

    def spend(self, outlet: Outlet, row: NotificationRow, message: Sms | Email) -> None:
        """A message is about to be handed over."""
        self._unwritten.add(row.notification_id)
        for spending in self._spending.get(outlet.name, ()):
            spending.spend(row.template, self.number(message))

    async def write(self, outlet: Outlet, row: NotificationRow, message: Sms | Email) -> None:
        """That it is, for whoever counts later."""
        try:
            await self._ledger.write(
                Line(
                    notification_id=row.notification_id,
                    attempt=row.attempts + 1,
                    provider=outlet.name,
                    template=row.template,
                    number=self.number(message),
                    federation=row.federation,
                    recipient=row.recipient_id,
                    at=self._running.clock.now(),
                )
            )
        finally:
            self._unwritten.discard(row.notification_id)
            self._written.set()

    def _approved(self, row: NotificationRow, outlets: Sequence[Outlet]) -> list[Outlet]:
        return [
            one for one in outlets if not one.limits.needs_approval or self._approval(one, row) == Approval.APPROVED
        ]

    def _approval(self, outlet: Outlet, row: NotificationRow) -> str:
        return self._approvals.get((outlet.name, _template(row)), Approval.DRAFT.value)

    def _unapproved(self, row: NotificationRow, outlets: Sequence[Outlet]) -> Later:
        pending = any(self._approval(outlet, row) == Approval.SUBMITTED for outlet in outlets)
        return Later(self._running.clock.now() + APPROVAL_PAUSE if pending else None, Deferral.APPROVAL)

    def _spent_until(self, outlet: Outlet, row: NotificationRow, message: Sms | Email) -> datetime | None:
        """When a budget lets a provider have the message, where not now; one for all messages shuts it till then."""
        latest: datetime | None = None
        for spending in self._spending.get(outlet.name, ()):
            until = spending.exhausted_until(row.template, self.number(message))
            if until is None:
                continue
            if spending.budget.per is Per.PROVIDER:
                outlet.spent_until = until
            latest = until if latest is None else max(latest, until)
        return latest


def _template(row: NotificationRow) -> str:
    return f"{row.template}@{row.template_version}"
