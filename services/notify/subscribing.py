"""Lists of a federation that members subscribe to, and rules send to."""

from services.notify.refusals import NOT_YOURS
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Role
from shared.schemas.notify import Subscribe, Subscribed, Unsubscribe, Unsubscribed

__all__ = ["decide", "list_key", "subscribers"]

type Members = frozenset[MemberId]


def list_key(federation: str, name: str) -> str:
    return f"{federation}.{name}"


def decide(command: Subscribe | Unsubscribe, state: Members, facts: Facts) -> list[Event]:
    member_id = command.member_id
    if facts.actor.role is Role.MEMBER and facts.actor.id != str(member_id):
        raise NOT_YOURS()
    match command:
        case Subscribe():
            return [] if member_id in state else [Subscribed(list=command.list, member_id=member_id)]
        case Unsubscribe():
            return [Unsubscribed(list=command.list, member_id=member_id)] if member_id in state else []


def evolve(state: Members, event: Event) -> Members:
    match event:
        case Subscribed(member_id=member_id):
            return state | {member_id}
        case Unsubscribed(member_id=member_id):
            return state - {member_id}
        case _:
            return state


subscribers: Aggregate[Members, Event] = Aggregate("list", frozenset(), evolve)
