"""What notify answers: where notifications stand. Never their content."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from services.notify.refusals import NO_SUCH_NOTIFICATION, NOT_YOURS
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.queries import Answers, Asked
from shared.schemas.messages import Actor, Query, Role
from shared.schemas.notify import (
    BoardRow,
    DeliveryBoard,
    DeliveryStatus,
    History,
    Notification,
    Recipient,
    RecipientKind,
    ShowDeliveryBoard,
    ShowHistory,
    ShowNotification,
    TemplateRef,
)

__all__ = ["ANSWERS"]

LATER: Final = (DeliveryStatus.WAITING.value, DeliveryStatus.DEFERRED.value)


async def show_notification(query: ShowNotification, asked: Asked) -> Notification:
    row = await asked.read_models.one(Notifications, query.notification_id)
    if row is None or row.federation != asked.federation:
        raise NO_SUCH_NOTIFICATION()
    if not _may_see(asked.actor, row.recipient_id, bank=row.recipient_kind == RecipientKind.BANK.value):
        raise NOT_YOURS()
    return _notification(row)


async def show_history(query: ShowHistory, asked: Asked) -> History:
    if not _may_see(asked.actor, str(query.member_id), bank=False):
        raise NOT_YOURS()
    rows = await asked.read_models.some(
        Notifications,
        "recipient_id = $1 and federation = $2 order by requested_at desc, notification_id limit $3",
        str(query.member_id),
        asked.federation,
        query.limit,
    )
    return History(notifications=[_notification(row) for row in rows])


async def show_delivery_board(query: ShowDeliveryBoard, asked: Asked) -> DeliveryBoard:
    federation = query.federation or asked.federation
    if asked.actor.role is Role.OFFICER and federation != asked.federation:
        raise NOT_YOURS()
    rows = await asked.read_models.pool.fetch(
        "select programme, template, template_version, channel, provider, status, count(*) from notify.notifications"
        " where federation = $1 and ($2::timestamptz is null or requested_at >= $2)"
        " and ($3::timestamptz is null or requested_at < $3) group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6",
        federation,
        _beginning(query.since),
        None if query.until is None else _beginning(query.until + timedelta(days=1)),
    )
    return DeliveryBoard(
        rows=[
            BoardRow.model_validate(
                {
                    "programme": programme,
                    "template": TemplateRef(id=template, version=version),
                    "channel": channel,
                    "provider": provider,
                    "status": status,
                    "count": count,
                }
            )
            for programme, template, version, channel, provider, status, count in rows
        ]
    )


def _may_see(actor: Actor, recipient_id: str, *, bank: bool) -> bool:
    """Whoever runs the federation or the system sees all, others what is for themselves: even a rule's name tells."""
    match actor.role:
        case Role.OFFICER | Role.OPERATOR | Role.SYSTEM:
            return True
        case Role.MEMBER | Role.CADRE:
            return not bank and actor.id == recipient_id
        case Role.BANK:
            return bank and actor.id == recipient_id
        case Role.HOSPITAL:
            return False


def _beginning(day: date | None) -> datetime | None:
    """The instant at which a day begins in China."""
    return None if day is None else datetime.combine(day, time(), SHANGHAI)


def _notification(row: NotificationRow) -> Notification:
    return Notification.model_validate(
        {
            "notification_id": row.notification_id,
            "requested_at": row.requested_at,
            "programme": row.programme,
            "cause": row.cause,
            "cause_type": row.cause_type,
            "rule": row.rule,
            "channel": row.channel,
            "recipient": Recipient.parse(f"{row.recipient_kind}:{row.recipient_id}"),
            "message_class": row.message_class,
            "template": TemplateRef(id=row.template, version=row.template_version),
            "status": row.status,
            "provider": row.provider,
            "provider_message_id": row.provider_message_id,
            "attempts": row.attempts,
            "reason": row.reason,
            "sent_at": row.sent_at,
            "delivered_at": row.delivered_at,
            "retry_at": row.due_at if row.status in LATER else None,
            "expires_at": row.expires_at if row.due_at is not None else None,
        }
    )


ANSWERS: dict[type[Query[Any]], Answers] = {
    ShowNotification: show_notification,
    ShowHistory: show_history,
    ShowDeliveryBoard: show_delivery_board,
}
