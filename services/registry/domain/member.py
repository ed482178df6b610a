"""A member, as the decisions on them need to know them, and the identity number that is one member's only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, derived_id
from shared.schemas.messages import Event
from shared.schemas.registry import (
    BankAccountRecorded,
    BankAccountRemoved,
    ConsentGiven,
    ConsentWithdrawn,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityReleased,
    IdentityTaken,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    TradeRecorded,
)
from shared.schemas.registry.values import ConsentId, ConsentPurpose, HonourId, HonourLevel, SkillLevel

__all__ = ["Member", "State", "Trade", "first_household", "identity", "member"]


@dataclass(frozen=True, slots=True)
class Trade:
    name: str | None = None
    level: SkillLevel | None = None
    skilled: bool = False


@dataclass(frozen=True, slots=True)
class Title:
    title: str
    level: HonourLevel


@dataclass(frozen=True, slots=True)
class Consent:
    purpose: ConsentPurpose
    to: str


@dataclass(frozen=True, slots=True)
class Member:
    """No datum of the person: those are sealed in the events and stand in the read models."""

    member_id: MemberId
    union_id: UnionId
    employer_id: EmployerId
    household_id: HouseholdId
    post: str | None
    trade: Trade = Trade()
    ended: bool = False
    erased: bool = False
    account: bool = False
    honours: Mapping[HonourId, Title] = field(default_factory=dict)
    consents: Mapping[ConsentId, Consent] = field(default_factory=dict)


type State = Member | None


def evolve(state: State, event: Event) -> State:
    match event, state:
        case MemberRegistered(), _:
            return Member(event.member_id, event.union_id, event.employer_id, event.household_id, event.post)
        case _, None:
            return None
        case MemberMoved(union_id=union_id, employer_id=employer_id, post=post), Member():
            return replace(state, union_id=union_id, employer_id=employer_id, post=post, ended=False)
        case MembershipEnded(), Member():
            return replace(state, ended=True)
        case TradeRecorded(trade=trade, skill_level=level, skilled=skilled), Member():
            return replace(state, trade=Trade(trade, level, skilled))
        case HouseholdJoined(household_id=household) | HouseholdLeft(household_id=household), Member():
            return replace(state, household_id=household)
        case HonourGranted(honour_id=honour, title=title, level=level), Member():
            return replace(state, honours={**state.honours, honour: Title(title, level)})
        case HonourRevoked(honour_id=honour), Member():
            return replace(state, honours={k: v for k, v in state.honours.items() if k != honour})
        case BankAccountRecorded(), Member():
            return replace(state, account=True)
        case BankAccountRemoved(), Member():
            return replace(state, account=False)
        case ConsentGiven(consent_id=consent, purpose=purpose, to=to), Member():
            return replace(state, consents={**state.consents, consent: Consent(purpose, to)})
        case ConsentWithdrawn(consent_id=consent), Member():
            return replace(state, consents={k: v for k, v in state.consents.items() if k != consent})
        case MemberErased(), Member():
            return replace(state, erased=True, account=False)
        case _:
            return state


def _evolve_identity(holder: MemberId | None, event: Event) -> MemberId | None:
    match event:
        case IdentityTaken(member_id=member_id):
            return member_id
        case IdentityReleased():
            return None
        case _:
            return holder


def first_household(member_id: MemberId) -> HouseholdId:
    """One that is certainly nobody else's."""
    return HouseholdId(derived_id(member_id, "household"))


member: Aggregate[State, Event] = Aggregate("member", None, evolve)
identity: Aggregate[MemberId | None, Event] = Aggregate("identity", None, _evolve_identity)
"""Whose an identity number is. The stream's key is a keyed hash of the number."""
