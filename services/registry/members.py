"""How members are entered and changed; a union's roster among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from services.registry.authority import authorised_for, living_union
from services.registry.domain.member import Member, account, decide, identity, member
from services.registry.domain.organisations import employer
from services.registry.identity import read_email, read_id_number, read_mobile, read_name
from services.registry.refusals import (
    EMPLOYER_NOT_COVERED,
    IDENTITY_TAKEN,
    MEMBER_ERASED,
    NO_SUCH_HOUSEHOLD,
    NO_SUCH_MEMBER,
)
from services.registry.views import MemberRow, Members
from shared.runtime.commands import Context, Handler
from shared.runtime.envelope import BUSY
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Command, Event
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ChangeContacts,
    CorrectIdentity,
    EndMembership,
    EnterRosterRow,
    EraseMember,
    GiveConsent,
    GrantHonour,
    IdentityReleased,
    IdentityTaken,
    JoinHousehold,
    LeaveHousehold,
    MoveMember,
    RecordBankAccount,
    RecordTrade,
    RegisterMember,
    RemoveBankAccount,
    RevokeHonour,
    WithdrawConsent,
)

__all__ = ["HANDLERS", "Pepper"]

VIEW_WAIT = 10.0
"""Seconds that a roster's row waits for the read model to have what the log has."""


@dataclass(frozen=True, slots=True)
class Pepper:
    """Turns an identity number into the key of its stream: nobody without the secret can tell which number it is."""

    secret: bytes

    def key(self, id_number: str) -> UUID:
        return UUID(bytes=blake2b(id_number.encode(), key=self.secret, digest_size=16).digest())


async def register_member(command: RegisterMember, context: Context) -> None:
    await living_union(context, command.union_id)
    await _works_at(command.employer_id, command.union_id, context)
    state = await context.session.load(member, command.member_id)
    key = _number_key(command.id_number, context)
    taken = await context.session.load(identity, key)
    events = decide(command, state, context.facts())
    if taken is not None:
        raise IDENTITY_TAKEN()
    context.session.append(member, command.member_id, events)
    context.session.append(identity, key, [IdentityTaken(member_id=command.member_id)])


async def correct_identity(command: CorrectIdentity, context: Context) -> None:
    """The old number is free once the new one is taken; the old one is read from the read model."""
    state = await _of(command.member_id, context)
    events = decide(command, state, context.facts())
    row = await _row(command.member_id, context)
    new, old = _number_key(command.id_number, context), _pepper(context).key(row.id_number)
    if new != old:
        if await context.session.load(identity, new) is not None:
            raise IDENTITY_TAKEN()
        if await context.session.load(identity, old) == command.member_id:
            context.session.append(identity, old, [IdentityReleased(member_id=command.member_id)])
        context.session.append(identity, new, [IdentityTaken(member_id=command.member_id)])
    context.session.append(member, command.member_id, events)


async def erase_member(command: EraseMember, context: Context) -> None:
    """The number is free again; the key is destroyed by the reaction to the event."""
    state = await _of(command.member_id, context)
    events = decide(command, state, context.facts())
    number = _pepper(context).key((await _row(command.member_id, context)).id_number)
    if await context.session.load(identity, number) == command.member_id:
        context.session.append(identity, number, [IdentityReleased(member_id=command.member_id)])
    context.session.append(member, command.member_id, events)


async def move_member(command: MoveMember, context: Context) -> None:
    state = await context.session.load(member, command.member_id)
    await living_union(context, command.union_id)
    await _works_at(command.employer_id, command.union_id, context)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))


async def join_household(command: JoinHousehold, context: Context) -> None:
    state = await _of(command.member_id, context)
    if not await context.read_models.some(Members, "household_id = $1 limit 1", command.household_id):
        raise NO_SUCH_HOUSEHOLD()
    context.session.append(member, command.member_id, decide(command, state, context.facts()))


async def about_a_member(
    command: ChangeContacts
    | EndMembership
    | GiveConsent
    | GrantHonour
    | LeaveHousehold
    | RecordBankAccount
    | RecordTrade
    | RemoveBankAccount
    | RevokeHonour
    | WithdrawConsent,
    context: Context,
) -> None:
    state = await _of(command.member_id, context)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))


async def enter_roster_row(command: EnterRosterRow, context: Context) -> None:
    await living_union(context, command.union_id)
    await _works_at(command.employer_id, command.union_id, context)
    key = _number_key(command.id_number, context)
    holder = await context.session.load(identity, key)
    member_id = holder or command.member_id
    state = await context.session.load(member, member_id)
    if holder is None:
        events: Sequence[Event] = _new_from_roster(command, state, context)
        context.session.append(member, member_id, events)
        context.session.append(identity, key, [IdentityTaken(member_id=member_id)])
    elif state is None or state.erased:
        raise MEMBER_ERASED()
    else:
        row = await _row(member_id, context)
        context.session.append(member, member_id, _changes_from_roster(command, state, row, context))


def _new_from_roster(command: EnterRosterRow, state: Member | None, context: Context) -> list[Event]:
    known = command.model_dump(exclude={"account", "bank"})
    events = decide(RegisterMember(**known), state, context.facts())
    if command.account is not None:
        events.append(account(command.member_id, command.account, command.bank))
    return events


def _changes_from_roster(command: EnterRosterRow, state: Member, row: MemberRow, context: Context) -> list[Event]:
    """What the roster says otherwise than the registry; what it leaves out stays."""
    facts, mine = context.facts(), state.member_id
    said = {
        "phone": None if command.phone is None else read_mobile(command.phone.clear),
        "email": None if command.email is None else read_email(command.email.clear),
    }
    wanted: list[Command] = []
    if read_name(command.name.clear) != row.name:
        wanted.append(CorrectIdentity(member_id=mine, name=command.name, id_number=Personal(row.id_number)))
    post = command.post or state.post
    moved = (command.union_id, command.employer_id, post) != (state.union_id, state.employer_id, state.post)
    if moved or state.ended:
        move = MoveMember(member_id=mine, union_id=command.union_id, employer_id=command.employer_id, post=post)
        wanted.insert(0, move)
    trade = (command.trade, command.skill_level, command.skilled)
    if any(trade) and trade != state.trade:
        level = command.skill_level
        wanted.append(RecordTrade(member_id=mine, trade=command.trade, skill_level=level, skilled=command.skilled))
    if (said["phone"] or row.phone, said["email"] or row.email) != (row.phone, row.email):
        phone, email = said["phone"] or row.phone, said["email"] or row.email
        wanted.append(
            ChangeContacts(
                member_id=mine,
                phone=None if phone is None else Personal(phone),
                email=None if email is None else Personal(email),
            )
        )
    events = []
    for change in wanted:
        decided = decide(change, state, facts)
        events += decided
        state = member.fold(decided, state) or state
    if command.account is not None:
        recorded = account(mine, command.account, command.bank)
        bank = None if command.bank is None else command.bank.clear
        if (recorded.account.clear, bank or row.bank) != (row.account, row.bank):
            events.append(recorded)
    return events


async def _of(member_id: MemberId, context: Context) -> Member | None:
    """A member's state, where the actor may act for them."""
    state = await context.session.load(member, member_id)
    if state is None:
        raise NO_SUCH_MEMBER()
    await authorised_for(context, state.union_id, member_id)
    return state


async def _row(member_id: MemberId, context: Context) -> MemberRow:
    """What the registry holds of a member in clear, as the log has it now."""
    if not await context.read_models.caught_up(VIEW_WAIT):
        raise BUSY()
    row = await context.read_models.one(Members, member_id)
    if row is None:
        raise NO_SUCH_MEMBER()
    return row


async def _works_at(employer_id: EmployerId, union_id: UnionId, context: Context) -> None:
    if (await context.session.load(employer, employer_id)).union_id != union_id:
        raise EMPLOYER_NOT_COVERED()


def _number_key(id_number: Personal[str], context: Context) -> UUID:
    return _pepper(context).key(read_id_number(id_number.clear, context.facts().today).number)


def _pepper(context: Context) -> Pepper:
    pepper: Pepper = context.resources
    return pepper


HANDLERS: dict[type[Command], Handler] = {
    RegisterMember: register_member,
    CorrectIdentity: correct_identity,
    EraseMember: erase_member,
    MoveMember: move_member,
    JoinHousehold: join_household,
    EnterRosterRow: enter_roster_row,
    **dict.fromkeys(
        (
            ChangeContacts,
            EndMembership,
            GiveConsent,
            GrantHonour,
            LeaveHousehold,
            RecordBankAccount,
            RecordTrade,
            RemoveBankAccount,
            RevokeHonour,
            WithdrawConsent,
        ),
        about_a_member,
    ),
}
