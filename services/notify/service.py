"""Notify: the wiring, and nothing else."""

from typing import Any, Final

from services.notify import rules
from services.notify.answers import ANSWERS
from services.notify.domain import NotifyFacts, decide, notification
from services.notify.reactions import reactions_to
from services.notify.resources import Resources, resources
from services.notify.sending import send_for_ever
from services.notify.views import Notifications
from shared.eventsourcing.codec import Codec
from shared.runtime.commands import Context, decides
from shared.runtime.letters import Patience
from shared.runtime.service import Service
from shared.schemas import notify
from shared.schemas.language import commands_of

PATIENCE: Final = Patience(attempts=300)
"""With events whose audience the registry must name: some five hours, in case it is away."""


async def facts(_command: Any, context: Context) -> NotifyFacts:
    known: Resources = context.resources
    return NotifyFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        retries=known.retries,
    )


service = Service(
    programme="notify",
    codec=Codec.of(notify),
    commands=dict.fromkeys(
        commands_of(notify).values(), decides(notification, decide, by="notification_id", facts=facts)
    ),
    queries=ANSWERS,
    views=(Notifications(),),
    reactions=reactions_to(rules.shipped().events),
    works={"sender": send_for_ever},
    patience=PATIENCE,
    keeps_personal_data=True,
    resources=resources,
)

if __name__ == "__main__":
    service.main()
