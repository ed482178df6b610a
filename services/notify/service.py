"""Notify: the wiring, and nothing else."""

from typing import Final

from services.notify import rules
from services.notify.answers import ANSWERS
from services.notify.boards import Approvals, Contents, Digests, Minutes, Providers, Replies, Subscribers
from services.notify.handling import COMMANDS
from services.notify.hearing import hear_for_ever
from services.notify.overviews import OVERVIEWS
from services.notify.reactions import reactions_to
from services.notify.resources import resources
from services.notify.sending import send_for_ever
from services.notify.upkeep import keep_up
from services.notify.views import Notifications
from shared.eventsourcing.codec import Codec
from shared.runtime.letters import Patience
from shared.runtime.service import Service
from shared.schemas import notify

PATIENCE: Final = Patience(attempts=300)
"""With events whose audience the registry must name: some five hours, in case it is away."""


service = Service(
    programme="notify",
    codec=Codec.of(notify),
    commands=COMMANDS,
    queries={**ANSWERS, **OVERVIEWS},
    views=(Notifications(), Minutes(), Providers(), Approvals(), Replies(), Subscribers(), Digests(), Contents()),
    reactions=reactions_to(rules.shipped().events),
    works={"sender": send_for_ever, "hearing": hear_for_ever, "upkeep": keep_up},
    patience=PATIENCE,
    keeps_personal_data=True,
    resources=resources,
)

if __name__ == "__main__":
    service.main()
