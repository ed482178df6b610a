"""What a command about one member leads to.

Whether unions, employers and households are there, and who may ask, is known before (`services.registry.members`).
"""

from datetime import date

from services.registry.domain.member import Member, State, Trade
from services.registry.identity import read_account, read_email, read_id_number, read_mobile, read_name
from services.registry.refusals import (
    CONSENT_ENDS_BEFORE,
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
from shared.eventsourcing.decider import Facts
from shared.schemas.ids import MemberId
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
    EnterRosterRow,
    EraseMember,
    GiveConsent,
    GrantHonour,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityCorrected,
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

__all__ = ["decide", "not_later", "recorded_account", "registered"]


def decide(command: Command, state: State, facts: Facts) -> list[Event]:
    """Raises Refused."""
    match command, state:
        case RegisterMember(), None:
            return registered(command, facts)
        case RegisterMember(), _:
            raise MEMBER_EXISTS()
        case _, None:
            raise NO_SUCH_MEMBER()
        case _, Member(erased=True):
            raise MEMBER_ERASED()
        case EndMembership() | RecordTrade() | GrantHonour(), Member(ended=True):
            raise MEMBERSHIP_ENDED()
        case EraseMember(member_id=member_id, ground=ground), Member():
            return [MemberErased(member_id=member_id, ground=ground)]
        case CorrectIdentity(), Member():
            return [_corrected(command, facts)]
        case MoveMember(), Member():
            return _move(command, state, facts)
        case EndMembership(), Member():
            return [_ended(command, state, facts)]
        case RecordTrade(), Member():
            said = Trade(command.trade, command.skill_level, command.skilled)
            return [] if said == state.trade else [_traded(command.member_id, said)]
        case JoinHousehold() | LeaveHousehold(), Member():
            return _household(command, state, facts)
        case GrantHonour() | RevokeHonour(), Member():
            return _honour(command, state, facts)
        case ChangeContacts(member_id=member_id), Member():
            return [ContactsChanged(member_id=member_id, phone=_phone(command.phone), email=_email(command.email))]
        case RecordBankAccount(member_id=member_id), Member():
            return [recorded_account(member_id, command.account, command.bank)]
        case RemoveBankAccount(member_id=member_id), Member():
            if not state.account:
                raise NO_ACCOUNT()
            return [BankAccountRemoved(member_id=member_id)]
        case GiveConsent() | WithdrawConsent(), Member():
            return _consent(command, state, facts)
        case _:
            raise TypeError(f"{type(command).__name__} is not about a member")


def registered(command: RegisterMember | EnterRosterRow, facts: Facts) -> list[Event]:
    """What the registration of somebody new leads to. Raises Refused."""
    entry = MemberRegistered(
        member_id=command.member_id,
        household_id=command.household_id,
        union_id=command.union_id,
        employer_id=command.employer_id,
        name=Personal(read_name(command.name.clear)),
        id_number=Personal(read_id_number(command.id_number.clear, facts.today).number),
        phone=_phone(command.phone),
        email=_email(command.email),
        post=command.post,
        joined_on=not_later(command.joined_on, facts),
    )
    said = Trade(command.trade, command.skill_level, command.skilled)
    return [entry] if said == Trade() else [entry, _traded(command.member_id, said)]


def _corrected(command: CorrectIdentity, facts: Facts) -> IdentityCorrected:
    return IdentityCorrected(
        member_id=command.member_id,
        name=Personal(read_name(command.name.clear)),
        id_number=Personal(read_id_number(command.id_number.clear, facts.today).number),
    )


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


def _ended(command: EndMembership, state: Member, facts: Facts) -> MembershipEnded:
    return MembershipEnded(
        member_id=command.member_id,
        union_id=state.union_id,
        employer_id=state.employer_id,
        ground=command.ground,
        on=not_later(command.on, facts),
    )


def _traded(member_id: MemberId, said: Trade) -> TradeRecorded:
    return TradeRecorded(member_id=member_id, trade=said.name, skill_level=said.level, skilled=said.skilled)


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
        case GiveConsent(until=until) if until is not None and until < day:
            raise CONSENT_ENDS_BEFORE()
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


def _phone(said: Personal[str] | None) -> Personal[str] | None:
    return None if said is None else Personal(read_mobile(said.clear))


def _email(said: Personal[str] | None) -> Personal[str] | None:
    return None if said is None else Personal(read_email(said.clear))


def recorded_account(member_id: MemberId, number: Personal[str], bank: Personal[str] | None) -> BankAccountRecorded:
    return BankAccountRecorded(member_id=member_id, account=Personal(read_account(number.clear).number), bank=bank)


def not_later(on: date | None, facts: Facts) -> date:
    """The day that was said, today where none was. Refused in the future."""
    if on is not None and on > facts.today:
        raise IN_THE_FUTURE(on=on)
    return on or facts.today
