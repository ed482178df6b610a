"""Who acts for a federation, an employer or a union: members who are appointed and relieved."""

from json import dumps

from services.registry.authority import employers_own, living_union, member_here, not_yours
from services.registry.domain.organisations import employer, federation, union
from services.registry.freshness import caught_up
from services.registry.refusals import (
    CHAIR_IN_OFFICE,
    MEMBER_ERASED,
    MEMBERSHIP_ENDED,
    NO_SUCH_FEDERATION,
    NOT_A_CONTACT,
)
from services.registry.views import Employers, Federations, Unions
from shared.runtime.commands import Context, Handler
from shared.schemas.ids import MemberId
from shared.schemas.messages import Command
from shared.schemas.registry import (
    AppointEmployerContact,
    AppointFederationContact,
    AppointUnionContact,
    EmployerContactAppointed,
    EmployerContactRelieved,
    FederationContactAppointed,
    FederationContactRelieved,
    RelieveEmployerContact,
    RelieveFederationContact,
    RelieveUnionContact,
    UnionContactAppointed,
    UnionContactRelieved,
)
from shared.schemas.registry.values import UnionPost

__all__ = ["HANDLERS", "relieve_everywhere"]


async def federation_contact(command: AppointFederationContact | RelieveFederationContact, context: Context) -> None:
    state = await context.session.load(federation, command.code)
    if state.level is None:
        raise NO_SUCH_FEDERATION(code=command.code)
    if command.code != context.envelope.federation:
        raise not_yours(context)
    held = command.member_id in state.contacts
    match command:
        case AppointFederationContact(code=code, member_id=member_id):
            await _is_member(member_id, context)
            appointed = [] if held else [FederationContactAppointed(code=code, member_id=member_id)]
            context.session.append(federation, code, appointed)
        case RelieveFederationContact(code=code, member_id=member_id):
            if not held:
                raise NOT_A_CONTACT()
            context.session.append(federation, code, [FederationContactRelieved(code=code, member_id=member_id)])


async def employer_contact(command: AppointEmployerContact | RelieveEmployerContact, context: Context) -> None:
    state = await employers_own(context, command.employer_id)
    held = command.member_id in state.contacts
    match command:
        case AppointEmployerContact(employer_id=employer_id, member_id=member_id):
            await _is_member(member_id, context)
            appointed = [] if held else [EmployerContactAppointed(employer_id=employer_id, member_id=member_id)]
            context.session.append(employer, employer_id, appointed)
        case RelieveEmployerContact(employer_id=employer_id, member_id=member_id):
            if not held:
                raise NOT_A_CONTACT()
            relieved = EmployerContactRelieved(employer_id=employer_id, member_id=member_id)
            context.session.append(employer, employer_id, [relieved])


async def union_contact(command: AppointUnionContact | RelieveUnionContact, context: Context) -> None:
    state = await living_union(context, command.union_id)
    held = state.posts.get(command.member_id)
    match command:
        case AppointUnionContact(union_id=union_id, member_id=member_id, post=post):
            await _is_member(member_id, context)
            if held is not post and post is UnionPost.CHAIR and UnionPost.CHAIR in state.posts.values():
                raise CHAIR_IN_OFFICE()
            appointed = UnionContactAppointed(union_id=union_id, member_id=member_id, post=post)
            context.session.append(union, union_id, [] if held is post else [appointed])
        case RelieveUnionContact(union_id=union_id, member_id=member_id):
            if held is None:
                raise NOT_A_CONTACT()
            relieved = UnionContactRelieved(union_id=union_id, member_id=member_id, post=held)
            context.session.append(union, union_id, [relieved])


async def relieve_everywhere(member_id: MemberId, context: Context) -> None:
    """End whatever posts somebody holds; the read models know where."""
    await caught_up(context)
    among, who = "contacts @> $1::jsonb", dumps([str(member_id)])
    for union_row in await context.read_models.some(Unions, among, dumps([{"member_id": str(member_id)}])):
        posts = (await context.session.load(union, union_row.union_id)).posts
        if (post := posts.get(member_id)) is not None:
            left = UnionContactRelieved(union_id=union_row.union_id, member_id=member_id, post=post)
            context.session.append(union, union_row.union_id, [left])
    for employer_row in await context.read_models.some(Employers, among, who):
        if member_id in (await context.session.load(employer, employer_row.employer_id)).contacts:
            gone = EmployerContactRelieved(employer_id=employer_row.employer_id, member_id=member_id)
            context.session.append(employer, employer_row.employer_id, [gone])
    for federation_row in await context.read_models.some(Federations, among, who):
        if member_id in (await context.session.load(federation, federation_row.code)).contacts:
            parted = FederationContactRelieved(code=federation_row.code, member_id=member_id)
            context.session.append(federation, federation_row.code, [parted])


async def _is_member(member_id: MemberId, context: Context) -> None:
    """Refused where they are no member of the federation now."""
    state = await member_here(context, member_id)
    if state.erased:
        raise MEMBER_ERASED()
    if state.ended:
        raise MEMBERSHIP_ENDED()


HANDLERS: dict[type[Command], Handler] = {
    AppointFederationContact: federation_contact,
    RelieveFederationContact: federation_contact,
    AppointEmployerContact: employer_contact,
    RelieveEmployerContact: employer_contact,
    AppointUnionContact: union_contact,
    RelieveUnionContact: union_contact,
}
