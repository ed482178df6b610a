"""A member, from registration to erasure, and the identity number that is one member's only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from services.registry.identity import read_account, read_email, read_id_number, read_mobile, read_name
from services.registry.refusals import (
    CONSENT_EXISTS,
    HONOUR_ENDS_BEFORE,
    HONOUR_EXISTS,
    IN_THE_FUTURE,
    MEMBER_ERASED,
    MEMBER_EXISTS,
    MEMBERSHIP_ENDED,
    NO_ACCOUNT,
    NO_SUCH_CONSENT,
    NO_SUCH_HONOUR,
    NO_SUCH_MEMBER,
)
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.messages import Command, Event
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRecorded,
    BankAccountRemoved,
    ChangeContacts,
    ConsentGiven,
    ConsentWithdrawn,
    ContactsChanged,
    CorrectIdentity,
    EndMembership,
    EraseMember,
    GiveConsent,
    GrantHonour,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityCorrected,
    IdentityReleased,
    IdentityTaken,
    JoinHousehold,
    LeaveHousehold,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    MoveMember,
    RecordBankAccount,
    RecordTrade,
    RegisterMember,
    RemoveBankAccount,
    RevokeHonour,
    TradeRecorded,
    WithdrawConsent,
)
from shared.schemas.registry.values import ConsentId, ConsentPurpose, HonourId, HonourLevel

__all__ = ["Member", "decide", "identity", "member"]


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
    trade: tuple[object, ...] = (None, None, False)
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
            return replace(state, trade=(trade, level, skilled))
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


def decide(command: Command, state: State, facts: Facts) -> list[Event]:
    """What a command about one member leads to. Whether unions and employers are there, and who may ask, is known
    before (`services.registry.handlers`)."""
    match command, state:
        case RegisterMember(), None:
            return _register(command, facts)
        case RegisterMember(), _:
            raise MEMBER_EXISTS()
        case _, None:
            raise NO_SUCH_MEMBER()
        case _, Member(erased=True):
            raise MEMBER_ERASED()
        case EraseMember(member_id=member_id, ground=ground), Member():
            return [MemberErased(member_id=member_id, ground=ground)]
        case MoveMember(), Member():
            return _move(command, state, facts)
        case _, Member(ended=True) if not isinstance(command, RevokeHonour | WithdrawConsent | RemoveBankAccount):
            raise MEMBERSHIP_ENDED()
        case CorrectIdentity(member_id=member_id), Member():
            return [_corrected(command, member_id, facts)]
        case EndMembership(member_id=member_id, ground=ground, on=on), Member():
            day = not_later(on, facts)
            return [
                MembershipEnded(
                    member_id=member_id, union_id=state.union_id, employer_id=state.employer_id, ground=ground, on=day
                )
            ]
        case RecordTrade(trade=trade, skill_level=level, skilled=skilled), Member():
            return [] if state.trade == (trade, level, skilled) else [_trade(command.member_id, command)]
        case JoinHousehold() | LeaveHousehold(), Member():
            return _household(command, state, facts)
        case GrantHonour() | RevokeHonour(), Member():
            return _honour(command, state, facts)
        case ChangeContacts(member_id=member_id), Member():
            return [ContactsChanged(member_id=member_id, phone=phone(command.phone), email=email(command.email))]
        case RecordBankAccount(member_id=member_id), Member():
            return [account(member_id, command.account, command.bank)]
        case RemoveBankAccount(member_id=member_id), Member():
            if not state.account:
                raise NO_ACCOUNT()
            return [BankAccountRemoved(member_id=member_id)]
        case GiveConsent() | WithdrawConsent(), Member():
            return _consent(command, state, facts)
        case _:
            raise TypeError(f"{type(command).__name__} is not about a member")


def _register(command: RegisterMember, facts: Facts) -> list[Event]:
    registered = MemberRegistered(
        member_id=command.member_id,
        household_id=command.household_id,
        union_id=command.union_id,
        employer_id=command.employer_id,
        name=Personal(read_name(command.name.clear)),
        id_number=Personal(read_id_number(command.id_number.clear, facts.today).number),
        phone=phone(command.phone),
        email=email(command.email),
        post=command.post,
        joined_on=not_later(command.joined_on, facts),
    )
    says_a_trade = command.skilled or command.trade is not None or command.skill_level is not None
    return [registered, *([_trade(command.member_id, command)] if says_a_trade else [])]


def _move(command: MoveMember, state: Member, facts: Facts) -> list[Event]:
    day = not_later(command.on, facts)
    there = (state.union_id, state.employer_id, state.post) == (command.union_id, command.employer_id, command.post)
    if there and not state.ended:
        return []
    return [
        MemberMoved(
            member_id=command.member_id,
            union_id=command.union_id,
            employer_id=command.employer_id,
            post=command.post,
            from_union_id=state.union_id,
            from_employer_id=state.employer_id,
            on=day,
        )
    ]


def _household(command: JoinHousehold | LeaveHousehold, state: Member, facts: Facts) -> list[Event]:
    day = not_later(command.on, facts)
    if command.household_id == state.household_id:
        return []
    kind = HouseholdJoined if isinstance(command, JoinHousehold) else HouseholdLeft
    return [
        kind(
            member_id=command.member_id,
            household_id=command.household_id,
            from_household_id=state.household_id,
            on=day,
        )
    ]


def _honour(command: GrantHonour | RevokeHonour, state: Member, facts: Facts) -> list[Event]:
    day = not_later(command.on, facts)
    match command:
        case GrantHonour(honour_id=honour_id) if honour_id in state.honours:
            raise HONOUR_EXISTS()
        case GrantHonour(until=until) if until is not None and until < day:
            raise HONOUR_ENDS_BEFORE()
        case GrantHonour():
            return [
                HonourGranted(
                    member_id=command.member_id,
                    honour_id=command.honour_id,
                    title=command.title,
                    level=command.level,
                    awarded_by=command.awarded_by,
                    on=day,
                    until=command.until,
                )
            ]
        case RevokeHonour(honour_id=honour_id) if honour_id not in state.honours:
            raise NO_SUCH_HONOUR()
        case RevokeHonour():
            held = state.honours[command.honour_id]
            return [
                HonourRevoked(
                    member_id=command.member_id,
                    honour_id=command.honour_id,
                    title=held.title,
                    level=held.level,
                    ground=command.ground,
                    on=day,
                )
            ]


def _consent(command: GiveConsent | WithdrawConsent, state: Member, facts: Facts) -> list[Event]:
    day = not_later(command.on, facts)
    match command:
        case GiveConsent(consent_id=consent_id) if consent_id in state.consents:
            raise CONSENT_EXISTS()
        case GiveConsent():
            return [
                ConsentGiven(
                    member_id=command.member_id,
                    consent_id=command.consent_id,
                    purpose=command.purpose,
                    to=command.to,
                    evidence=command.evidence,
                    on=day,
                    until=command.until,
                )
            ]
        case WithdrawConsent(consent_id=consent_id) if consent_id not in state.consents:
            raise NO_SUCH_CONSENT()
        case WithdrawConsent():
            given = state.consents[command.consent_id]
            return [
                ConsentWithdrawn(
                    member_id=command.member_id,
                    consent_id=command.consent_id,
                    purpose=given.purpose,
                    to=given.to,
                    evidence=command.evidence,
                    on=day,
                )
            ]


def _corrected(command: CorrectIdentity, member_id: MemberId, facts: Facts) -> IdentityCorrected:
    return IdentityCorrected(
        member_id=member_id,
        name=Personal(read_name(command.name.clear)),
        id_number=Personal(read_id_number(command.id_number.clear, facts.today).number),
    )


def _trade(member_id: MemberId, said: RegisterMember | RecordTrade) -> TradeRecorded:
    return TradeRecorded(member_id=member_id, trade=said.trade, skill_level=said.skill_level, skilled=said.skilled)


def phone(said: Personal[str] | None) -> Personal[str] | None:
    return None if said is None else Personal(read_mobile(said.clear))


def email(said: Personal[str] | None) -> Personal[str] | None:
    return None if said is None else Personal(read_email(said.clear))


def account(member_id: MemberId, number: Personal[str], bank: Personal[str] | None) -> BankAccountRecorded:
    return BankAccountRecorded(member_id=member_id, account=Personal(read_account(number.clear).number), bank=bank)


def not_later(on: date | None, facts: Facts) -> date:
    """The day that was said, today where none was. Refused in the future."""
    if on is not None and on > facts.today:
        raise IN_THE_FUTURE(on=on)
    return on or facts.today


def _evolve_identity(holder: MemberId | None, event: Event) -> MemberId | None:
    match event:
        case IdentityTaken(member_id=member_id):
            return member_id
        case IdentityReleased():
            return None
        case _:
            return holder


member: Aggregate[State, Event] = Aggregate("member", None, evolve)
identity: Aggregate[MemberId | None, Event] = Aggregate("identity", None, _evolve_identity)
"""Whose an identity number is. The stream's key is a keyed hash of the number."""
