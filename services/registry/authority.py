"""Who may act for whom: a member for themselves, a cadre for their own union, an officer for their federation;
timers, reactions and the operator for anybody. Nobody reaches into another federation: what is there is unknown here.
"""

from services.registry.domain.member import Member, member
from services.registry.domain.organisations import Employer, Union, employer, union
from services.registry.refusals import (
    NO_SUCH_EMPLOYER,
    NO_SUCH_MEMBER,
    NO_SUCH_UNION,
    NOT_YOURS,
    ROLE_WORDS,
    UNION_DISSOLVED,
)
from shared.runtime.commands import Context
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Refused, Role

__all__ = ["employer_here", "employers_own", "living_union", "member_here", "members_own", "not_yours"]


async def living_union(context: Context, union_id: UnionId) -> Union:
    """A union that the actor may act for, and that was not dissolved. Raises Refused."""
    state = await context.session.load(union, union_id)
    if state.federation != context.envelope.federation:
        raise NO_SUCH_UNION()
    if not _acts_for(context, state):
        raise not_yours(context)
    if state.dissolved:
        raise UNION_DISSOLVED()
    return state


async def member_here(context: Context, member_id: MemberId) -> Member:
    """Whoever is or was a member in the federation that is asked. Raises Refused."""
    state = await context.session.load(member, member_id)
    if state is None or (await context.session.load(union, state.union_id)).federation != context.envelope.federation:
        raise NO_SUCH_MEMBER()
    return state


async def members_own(context: Context, member_id: MemberId) -> Member:
    """One for whom the actor may act. Raises Refused."""
    state = await member_here(context, member_id)
    actor = context.envelope.actor
    if actor.role is Role.MEMBER:
        allowed = actor.id == str(member_id)
    else:
        allowed = _acts_for(context, await context.session.load(union, state.union_id))
    if not allowed:
        raise not_yours(context)
    return state


async def employer_here(context: Context, employer_id: EmployerId) -> Employer:
    """An employer of the federation that is asked. Raises Refused."""
    state = await context.session.load(employer, employer_id)
    if state.federation != context.envelope.federation:
        raise NO_SUCH_EMPLOYER()
    return state


async def employers_own(context: Context, employer_id: EmployerId) -> Employer:
    """One for which the actor may act: a cadre for those that their union covers. Raises Refused."""
    state = await employer_here(context, employer_id)
    covering = Union() if state.union_id is None else await context.session.load(union, state.union_id)
    if not _acts_for(context, covering):
        raise not_yours(context)
    return state


def not_yours(context: Context) -> Refused:
    return NOT_YOURS(role=ROLE_WORDS[context.envelope.actor.role])


def _acts_for(context: Context, state: Union) -> bool:
    match context.envelope.actor.role:
        case Role.CADRE:
            return context.envelope.actor.id in {str(who) for who in state.posts}
        case role:
            return role in (Role.OFFICER, Role.OPERATOR, Role.SYSTEM)
