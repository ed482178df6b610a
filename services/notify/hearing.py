"""What providers report: receipts, and what people write back. It is kept before the provider is told so."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID

from services.notify.channels import Delivered, Failed, InboundReply, Listening, Receipt, Report
from services.notify.ledger import Ledger
from services.notify.preparing import NOTIFY, NOWHERE
from services.notify.providers.callbacks import serving_callbacks
from services.notify.resources import Resources
from services.notify.standing import notification
from services.notify.together import as_one
from services.notify.views import NotificationRow, Notifications
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import MemberId, derived_id
from shared.schemas.messages import Accepted, Command
from shared.schemas.notify import (
    FailureKind,
    NotificationId,
    ReceiptStatus,
    RecordReceipt,
    RecordReply,
    RecordStrayReceipt,
    RecordTogether,
    Written,
)
from shared.schemas.personal import Personal

__all__ = ["Hearing", "hear_for_ever"]

NAMESPACE: Final = UUID("5b0b6c5e-2f4e-5a0e-8a39-0a1c3c0f7d42")
PAUSE: Final = 5.0
"""Seconds before a provider that cannot be listened to is listened to again."""
MATCH_WITHIN: Final = 2.0
"""Seconds within which the read model is to show a message whose receipt came as fast as the provider's answer."""

STATUS_OF: Final = {
    FailureKind.TEMPORARY: ReceiptStatus.TEMPORARY,
    FailureKind.PERMANENT: ReceiptStatus.PERMANENT,
    FailureKind.TECHNICAL: ReceiptStatus.TECHNICAL,
}

_log = log(__name__)


async def hear_for_ever(running: Running) -> None:
    """Open the door for providers that call, and listen to those that must be asked."""
    resources: Resources = running.resources
    providers, hearing = list(resources.ways.providers.values()), Hearing(running)
    async with AsyncExitStack() as stack:
        if (door := resources.ways.callbacks) is not None:
            await stack.enter_async_context(serving_callbacks(door, providers, hearing.hear))
        async with asyncio.TaskGroup() as group:
            for provider in providers:
                if isinstance(provider, Listening):
                    group.create_task(_listen(provider, hearing), name=f"listens to {provider.name}")
            group.create_task(asyncio.Event().wait(), name="hears")


async def _listen(provider: Listening, hearing: "Hearing") -> None:
    while True:
        try:
            await provider.listen(hearing.hear)
        except Exception as error:
            _log.warning("provider not listened to", provider=provider.name, error=type(error).__name__)
        await asyncio.sleep(PAUSE)


class Hearing:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._resources: Resources = running.resources
        self._ledger = Ledger(running.store.pool)

    async def hear(self, reports: Sequence[Report]) -> None:
        """Keep reports. Raises whatever kept any of them from being kept."""
        receipts = [report for report in reports if isinstance(report, Receipt)]
        replies = [report for report in reports if isinstance(report, InboundReply)]
        known = await self._known(receipts)
        others = [receipt for receipt in receipts if receipt.notification_id not in known]
        outcomes = await asyncio.gather(
            self._keep_together([receipt for receipt in receipts if receipt.notification_id in known], known),
            *(self._keep_receipt(receipt) for receipt in others),
            *(self._keep_reply(reply) for reply in replies),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _known(self, receipts: Sequence[Receipt]) -> Mapping[UUID | None, str]:
        """The federations of the notifications that receipts name, as far as the read model knows them."""
        named = [receipt.notification_id for receipt in receipts if receipt.notification_id is not None]
        rows = await self._running.read_models.pool.fetch(
            "select notification_id, federation from notify.notifications where notification_id = any ($1)", named
        )
        return {row[0]: row[1] for row in rows}

    async def _keep_together(self, receipts: Sequence[Receipt], known: Mapping[UUID | None, str]) -> None:
        parts = [_recorded(receipt, receipt.notification_id) for receipt in receipts if receipt.notification_id]

        def federation(part: RecordReceipt) -> str:
            return known[part.notification_id]

        async def each(part: RecordReceipt) -> Accepted:
            return await self._record(part, federation(part))

        for _, outcome in await as_one(parts, federation, self._keep_as_one, each):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _keep_as_one(self, federation: str, parts: Sequence[RecordReceipt]) -> Accepted:
        return await self._record(RecordTogether(parts=tuple(parts)), federation)

    async def _keep_receipt(self, receipt: Receipt) -> None:
        """Of a message that the read model does not know, or that the provider knows by its own id alone."""
        found = await self._notification(receipt)
        if found is not None:
            own, federation = found
            await self._record(_recorded(receipt, own), federation)
            return
        status, reason = _status(receipt)
        stray = RecordStrayReceipt(
            receipt_id=derived_id(NAMESPACE, f"{receipt.provider}/{receipt.provider_message_id}/{status}/{receipt.at}"),
            provider=receipt.provider,
            provider_message_id=receipt.provider_message_id,
            status=status,
            reason=reason,
            reported_at=receipt.at,
        )
        await self._record(stray, NOWHERE)

    async def _notification(self, receipt: Receipt) -> tuple[UUID, str] | None:
        """The notification that a receipt is about, and its federation."""
        if (own := receipt.notification_id) is not None:
            first = next(iter(await self._running.repository.recorded(notification, own)), None)
            return None if first is None else (own, first.meta.federation)
        row = await self._row(receipt)
        if row is None:
            await asyncio.sleep(MATCH_WITHIN)
            row = await self._row(receipt)
        return None if row is None else (row.notification_id, row.federation)

    async def _row(self, receipt: Receipt) -> NotificationRow | None:
        where = "provider = $1 and provider_message_id = $2 limit 1"
        rows = await self._running.read_models.some(Notifications, where, receipt.provider, receipt.provider_message_id)
        return rows[0] if rows else None

    async def _keep_reply(self, reply: InboundReply) -> None:
        number = self._resources.pseudonyms.of(reply.from_number)
        whose = await self._ledger.whose(number)
        member_id, federation = (None, NOWHERE) if whose is None else (_member(whose[0]), whose[1])
        all_of_it = f"{reply.provider}/{reply.from_number}/{reply.at.isoformat()}/{reply.text}"
        command = RecordReply(
            reply_id=UUID(bytes=self._resources.pseudonyms.of(all_of_it)),
            provider=reply.provider,
            member_id=member_id,
            written=Personal(Written(number=reply.from_number, text=reply.text)),
            at=reply.at,
        )
        await self._record(command, federation)

    async def _record(self, command: Command, federation: str) -> Accepted:
        return await self._running.commands.carry_out(command, Envelope.fresh(NOTIFY, federation))


def _recorded(receipt: Receipt, own: UUID) -> RecordReceipt:
    status, reason = _status(receipt)
    return RecordReceipt(
        notification_id=NotificationId(own),
        provider=receipt.provider,
        provider_message_id=receipt.provider_message_id,
        status=status,
        reason=reason,
        reported_at=receipt.at,
    )


def _status(receipt: Receipt) -> tuple[ReceiptStatus, str]:
    match receipt.outcome:
        case Delivered():
            return ReceiptStatus.DELIVERED, "delivered"
        case Failed(kind=kind, reason=reason):
            return STATUS_OF[kind], reason


def _member(recipient: str) -> MemberId | None:
    """None of a bank's desk."""
    try:
        return MemberId(UUID(recipient))
    except ValueError:
        return None
