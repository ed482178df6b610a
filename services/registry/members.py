"""How members are entered and changed; a union's roster among them."""

from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from services.registry.authority import living_union, member_here, members_own
from services.registry.domain.deciding import decide
from services.registry.domain.member import first_household, identity, member
from services.registry.domain.organisations import employer
from services.registry.domain.roster_row import Known, changed, entered
from services.registry.freshness import caught_up, row_of
from services.registry.identity import read_id_number
from services.registry.offices import relieve_everywhere
from services.registry.refusals import (
    EMPLOYER_NOT_COVERED,
    HOUSEHOLD_EXISTS,
    IDENTITY_TAKEN,
    MEMBER_ERASED,
    NO_SUCH_HOUSEHOLD,
)
from services.registry.views import Members
from shared.runtime.commands import Context, Handler
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.messages import Command
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


@dataclass(frozen=True, slots=True)
class Pepper:
    """Turns an identity number into the key of its stream, one in each federation: nobody without the secret can
    tell which number it is."""

    secret: bytes

    def key(self, federation: str, id_number: str) -> UUID:
        return UUID(bytes=blake2b(f"{federation} {id_number}".encode(), key=self.secret, digest_size=16).digest())


async def register_member(command: RegisterMember, context: Context) -> None:
    await living_union(context, command.union_id)
    await _works_at(command.employer_id, command.union_id, context)
    state = await context.session.load(member, command.member_id)
    key = _number_key(command.id_number, context)
    taken = await context.session.load(identity, key)
    events = decide(command, state, context.facts())
    if taken is not None:
        raise IDENTITY_TAKEN()
    await _is_new(command.household_id, context)
    context.session.append(member, command.member_id, events)
    context.session.append(identity, key, [IdentityTaken(member_id=command.member_id)])


async def correct_identity(command: CorrectIdentity, context: Context) -> None:
    """Where the number changes the old one is free again; what that was, the read model knows."""
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))
    new, old = _number_key(command.id_number, context), await _known_number(command.member_id, context)
    if new != old:
        if await context.session.load(identity, new) is not None:
            raise IDENTITY_TAKEN()
        await _release(old, command.member_id, context)
        context.session.append(identity, new, [IdentityTaken(member_id=command.member_id)])


async def erase_member(command: EraseMember, context: Context) -> None:
    """The number is free again, and every office is vacant; the key is destroyed by the reaction to the event."""
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))
    await _release(await _known_number(command.member_id, context), command.member_id, context)
    await relieve_everywhere(command.member_id, context)


async def end_membership(command: EndMembership, context: Context) -> None:
    """Whoever is no longer a member holds no office."""
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))
    await relieve_everywhere(command.member_id, context)


async def move_member(command: MoveMember, context: Context) -> None:
    """The union that takes the member in asks for it: membership goes with the work (中国工会章程 第六条)."""
    await living_union(context, command.union_id)
    state = await member_here(context, command.member_id)
    await _works_at(command.employer_id, command.union_id, context)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))


async def join_household(command: JoinHousehold, context: Context) -> None:
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))
    if not await _is_shared(command.household_id, context):
        raise NO_SUCH_HOUSEHOLD()


async def leave_household(command: LeaveHousehold, context: Context) -> None:
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))
    if command.household_id != state.household_id:
        await _is_new(command.household_id, context)


async def about_a_member(
    command: ChangeContacts
    | GiveConsent
    | GrantHonour
    | RecordBankAccount
    | RecordTrade
    | RemoveBankAccount
    | RevokeHonour
    | WithdrawConsent,
    context: Context,
) -> None:
    state = await members_own(context, command.member_id)
    context.session.append(member, command.member_id, decide(command, state, context.facts()))


async def enter_roster_row(command: EnterRosterRow, context: Context) -> None:
    await living_union(context, command.union_id)
    await _works_at(command.employer_id, command.union_id, context)
    key = _number_key(command.id_number, context)
    holder = await context.session.load(identity, key)
    if holder is None:
        state = await context.session.load(member, command.member_id)
        with_others = await _lives_with_others(command, context)
        events = entered(command, state, context.facts(), with_others=with_others)
        context.session.append(member, command.member_id, events)
        context.session.append(identity, key, [IdentityTaken(member_id=command.member_id)])
        return
    state = await context.session.load(member, holder)
    if state is None or state.erased:
        raise MEMBER_ERASED()
    row = await row_of(holder, context)
    known = Known(row.name, row.id_number, row.phone, row.email, row.account, row.bank)
    context.session.append(member, holder, changed(command, state, known, context.facts()))


async def _works_at(employer_id: EmployerId, union_id: UnionId, context: Context) -> None:
    if (await context.session.load(employer, employer_id)).union_id != union_id:
        raise EMPLOYER_NOT_COVERED()


async def _lives_with_others(command: EnterRosterRow, context: Context) -> bool:
    """Whether the household of somebody new is there; one that follows from the member's own id can't be."""
    if command.household_id == first_household(command.member_id):
        return False
    if await _is_shared(command.household_id, context):
        return True
    await _is_new(command.household_id, context)
    return False


async def _is_new(household_id: HouseholdId, context: Context) -> None:
    """Refused where somebody lives there, of whatever federation: one joins others only by joining."""
    if await context.read_models.count(Members, "household_id = $1", household_id):
        raise HOUSEHOLD_EXISTS()


async def _is_shared(household_id: HouseholdId, context: Context) -> bool:
    """Whether somebody of this federation lives there."""
    here = "household_id = $1 and federation = $2 and not erased"
    if await context.read_models.count(Members, here, household_id, context.envelope.federation):
        return True
    await caught_up(context)
    return await context.read_models.count(Members, here, household_id, context.envelope.federation) > 0


async def _known_number(member_id: MemberId, context: Context) -> UUID:
    """The key of the number that a loaded member has now."""
    return _pepper(context).key(context.envelope.federation, (await row_of(member_id, context)).id_number)


async def _release(number: UUID, member_id: MemberId, context: Context) -> None:
    if await context.session.load(identity, number) == member_id:
        context.session.append(identity, number, [IdentityReleased(member_id=member_id)])


def _number_key(id_number: Personal[str], context: Context) -> UUID:
    number = read_id_number(id_number.clear, context.facts().today).number
    return _pepper(context).key(context.envelope.federation, number)


def _pepper(context: Context) -> Pepper:
    pepper: Pepper = context.resources
    return pepper


HANDLERS: dict[type[Command], Handler] = {
    RegisterMember: register_member,
    CorrectIdentity: correct_identity,
    EraseMember: erase_member,
    EndMembership: end_membership,
    MoveMember: move_member,
    JoinHousehold: join_household,
    LeaveHousehold: leave_household,
    EnterRosterRow: enter_roster_row,
    **dict.fromkeys(
        (
            ChangeContacts,
            GiveConsent,
            GrantHonour,
            RecordBankAccount,
            RecordTrade,
            RemoveBankAccount,
            RevokeHonour,
            WithdrawConsent,
        ),
        about_a_member,
    ),
}
