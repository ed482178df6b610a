"""Who may act for whom: a member for themselves, a cadre for their own union, an officer for their federation;
timers, reactions and the operator for anybody. Nobody reaches into another federation."""

from services.registry.domain.organisations import Union, union
from services.registry.refusals import NO_SUCH_UNION, NOT_YOURS, UNION_DISSOLVED
from shared.runtime.commands import Context
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.messages import Role

__all__ = ["authorised_for", "living_union"]


async def authorised_for(context: Context, union_id: UnionId, member_id: MemberId | None = None) -> Union:
    """The union, where the actor may act for it, or for `member_id` of it. Raises Refused."""
    state = await context.session.load(union, union_id)
    actor = context.envelope.actor
    if state.federation != context.envelope.federation:
        raise NO_SUCH_UNION()
    match actor.role:
        case Role.MEMBER:
            allowed = member_id is not None and actor.id == str(member_id)
        case Role.CADRE:
            allowed = actor.id in {str(who) for who in state.posts}
        case role:
            allowed = role in (Role.OFFICER, Role.OPERATOR, Role.SYSTEM)
    if not allowed:
        raise NOT_YOURS(role=actor.role.value)
    return state


async def living_union(context: Context, union_id: UnionId) -> Union:
    """The same, of a union that was not dissolved."""
    state = await authorised_for(context, union_id)
    if state.dissolved:
        raise UNION_DISSOLVED()
    return state
