"""Federations, employers and unions, and the codes that may be taken once."""

from dataclasses import dataclass, field, replace
from uuid import UUID

from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Event
from shared.schemas.registry import (
    CreditCodeTaken,
    EmployerAdmitted,
    EmployerContactAppointed,
    EmployerContactRelieved,
    EmployerRegistered,
    EmployerReleased,
    FederationContactAppointed,
    FederationContactRelieved,
    FederationRegistered,
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
    UnionEstablished,
)
from shared.schemas.registry.values import FederationLevel, UnionKind, UnionPost

__all__ = [
    "Employer",
    "Federation",
    "Union",
    "credit_code",
    "employer",
    "federation",
    "union",
]


@dataclass(frozen=True, slots=True)
class Federation:
    level: FederationLevel | None = None
    """None: not registered."""
    contacts: frozenset[MemberId] = frozenset()


def _evolve_federation(state: Federation, event: Event) -> Federation:
    match event:
        case FederationRegistered(level=level):
            return replace(state, level=level)
        case FederationContactAppointed(member_id=member):
            return replace(state, contacts=state.contacts | {member})
        case FederationContactRelieved(member_id=member):
            return replace(state, contacts=state.contacts - {member})
        case _:
            return state


@dataclass(frozen=True, slots=True)
class Employer:
    federation: str | None = None
    """The code of its federation; None: not registered."""
    union_id: UnionId | None = None
    """The grassroots union that covers it."""
    contacts: frozenset[MemberId] = frozenset()


def _evolve_employer(state: Employer, event: Event) -> Employer:
    match event:
        case EmployerRegistered(federation=code):
            return replace(state, federation=code)
        case EmployerAdmitted(union_id=union_id):
            return replace(state, union_id=union_id)
        case EmployerReleased():
            return replace(state, union_id=None)
        case EmployerContactAppointed(member_id=member):
            return replace(state, contacts=state.contacts | {member})
        case EmployerContactRelieved(member_id=member):
            return replace(state, contacts=state.contacts - {member})
        case _:
            return state


@dataclass(frozen=True, slots=True)
class Union:
    federation: str | None = None
    """The code of its federation; None: not established."""
    kind: UnionKind = UnionKind.SINGLE
    dissolved: bool = False
    posts: dict[MemberId, UnionPost] = field(default_factory=dict)


def _evolve_union(state: Union, event: Event) -> Union:
    match event:
        case UnionEstablished(federation=code, kind=kind):
            return replace(state, federation=code, kind=kind)
        case UnionDissolved():
            return replace(state, dissolved=True)
        case UnionContactAppointed(member_id=member, post=post):
            return replace(state, posts={**state.posts, member: post})
        case UnionContactRelieved(member_id=member):
            return replace(state, posts={who: post for who, post in state.posts.items() if who != member})
        case _:
            return state


def _evolve_credit_code(state: UUID | None, event: Event) -> UUID | None:
    return event.organisation_id if isinstance(event, CreditCodeTaken) else state


federation = Aggregate("federation", Federation(), _evolve_federation)
employer = Aggregate("employer", Employer(), _evolve_employer)
union = Aggregate("union", Union(), _evolve_union)
credit_code: Aggregate[UUID | None, Event] = Aggregate("creditcode", None, _evolve_credit_code)
"""Whose a credit code is in a federation: an employer's or a union's. The stream's key is `<federation>-<code>`."""
