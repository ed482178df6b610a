"""How federations, employers and unions are entered and changed."""

from datetime import date

from services.registry.authority import authorised_for, living_union
from services.registry.domain.organisations import Employer, credit_code, employer, federation, union
from services.registry.identity import read_credit_code
from services.registry.refusals import (
    CHAIR_IN_OFFICE,
    CREDIT_CODE_NOT_OF_UNION,
    CREDIT_CODE_OF_UNION,
    CREDIT_CODE_TAKEN,
    EMPLOYER_COVERED,
    EMPLOYER_EXISTS,
    EMPLOYER_NOT_COVERED,
    FEDERATION_EXISTS,
    IN_THE_FUTURE,
    NO_SUCH_EMPLOYER,
    NO_SUCH_FEDERATION,
    NOT_A_CONTACT,
    NOT_YOURS,
    ONE_EMPLOYER_ONLY,
    PARENT_NOT_ABOVE,
    UNION_EXISTS,
    UNION_HAS_MEMBERS,
)
from services.registry.views import Members
from shared.runtime.commands import Context, Handler
from shared.schemas.ids import EmployerId
from shared.schemas.messages import Command, Role
from shared.schemas.registry import (
    AdmitEmployer,
    AppointEmployerContact,
    AppointFederationContact,
    AppointUnionContact,
    CreditCodeTaken,
    DissolveUnion,
    EmployerAdmitted,
    EmployerContactAppointed,
    EmployerContactRelieved,
    EmployerRegistered,
    EmployerReleased,
    EmployerRenamed,
    EstablishUnion,
    FederationContactAppointed,
    FederationContactRelieved,
    FederationRegistered,
    RegisterEmployer,
    RegisterFederation,
    ReleaseEmployer,
    RelieveEmployerContact,
    RelieveFederationContact,
    RelieveUnionContact,
    RenameEmployer,
    RenameUnion,
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
    UnionEstablished,
    UnionRenamed,
)
from shared.schemas.registry.values import FederationLevel, UnionKind, UnionPost

__all__ = ["HANDLERS"]

FROM_THE_TOP = (FederationLevel.PROVINCE, FederationLevel.CITY, FederationLevel.COUNTY)


# Federations


async def register_federation(command: RegisterFederation, context: Context) -> None:
    state = await context.session.load(federation, command.code)
    if state.level is not None:
        raise FEDERATION_EXISTS(code=command.code)
    if command.parent is not None:
        parent = await context.session.load(federation, command.parent)
        if parent.level is None:
            raise NO_SUCH_FEDERATION(code=command.parent)
        if FROM_THE_TOP.index(parent.level) >= FROM_THE_TOP.index(command.level):
            raise PARENT_NOT_ABOVE(level=command.level.value, parent_level=parent.level.value)
    registered = FederationRegistered(code=command.code, name=command.name, level=command.level, parent=command.parent)
    context.session.append(federation, command.code, [registered])


async def federation_contact(command: AppointFederationContact | RelieveFederationContact, context: Context) -> None:
    state = await context.session.load(federation, command.code)
    if state.level is None:
        raise NO_SUCH_FEDERATION(code=command.code)
    if context.envelope.actor.role is Role.OFFICER and context.envelope.federation != command.code:
        raise NOT_YOURS(role=Role.OFFICER.value)
    held = command.member_id in state.contacts
    match command:
        case AppointFederationContact(code=code, member_id=member_id):
            appointed = [] if held else [FederationContactAppointed(code=code, member_id=member_id)]
            context.session.append(federation, code, appointed)
        case RelieveFederationContact(code=code, member_id=member_id):
            if not held:
                raise NOT_A_CONTACT()
            context.session.append(federation, code, [FederationContactRelieved(code=code, member_id=member_id)])


# Employers


async def register_employer(command: RegisterEmployer, context: Context) -> None:
    code = read_credit_code(command.credit_code)
    if code.is_of_a_union:
        raise CREDIT_CODE_OF_UNION()
    if (await context.session.load(employer, command.employer_id)).registered:
        raise EMPLOYER_EXISTS()
    if await context.session.load(credit_code, code.code) is not None:
        raise CREDIT_CODE_TAKEN(code=code.code)
    registered = EmployerRegistered(employer_id=command.employer_id, name=command.name, credit_code=code.code)
    context.session.append(employer, command.employer_id, [registered])
    context.session.append(credit_code, code.code, [CreditCodeTaken(organisation_id=command.employer_id)])


async def rename_employer(command: RenameEmployer, context: Context) -> None:
    await _employer(command.employer_id, context)
    renamed = EmployerRenamed(employer_id=command.employer_id, name=command.name)
    context.session.append(employer, command.employer_id, [renamed])


async def employer_contact(command: AppointEmployerContact | RelieveEmployerContact, context: Context) -> None:
    state = await _employer(command.employer_id, context)
    held = command.member_id in state.contacts
    match command:
        case AppointEmployerContact(employer_id=employer_id, member_id=member_id):
            appointed = [] if held else [EmployerContactAppointed(employer_id=employer_id, member_id=member_id)]
            context.session.append(employer, employer_id, appointed)
        case RelieveEmployerContact(employer_id=employer_id, member_id=member_id):
            if not held:
                raise NOT_A_CONTACT()
            relieved = EmployerContactRelieved(employer_id=employer_id, member_id=member_id)
            context.session.append(employer, employer_id, [relieved])


async def _employer(employer_id: EmployerId, context: Context) -> Employer:
    """The employer, where it is registered and the actor may act for it."""
    state = await context.session.load(employer, employer_id)
    if not state.registered:
        raise NO_SUCH_EMPLOYER()
    if state.union_id is not None:
        await authorised_for(context, state.union_id)
    elif context.envelope.actor.role is Role.CADRE:
        raise NOT_YOURS(role=Role.CADRE.value)
    return state


# Unions


async def establish_union(command: EstablishUnion, context: Context) -> None:
    code = context.envelope.federation
    if (await context.session.load(federation, code)).level is None:
        raise NO_SUCH_FEDERATION(code=code)
    if (await context.session.load(union, command.union_id)).federation is not None:
        raise UNION_EXISTS()
    own_code = None if command.credit_code is None else read_credit_code(command.credit_code)
    if own_code is not None and not own_code.is_of_a_grassroots_union:
        raise CREDIT_CODE_NOT_OF_UNION()
    if command.kind is UnionKind.SINGLE and len(set(command.employer_ids)) > 1:
        raise ONE_EMPLOYER_ONLY()
    established = UnionEstablished(
        union_id=command.union_id,
        federation=code,
        name=command.name,
        kind=command.kind,
        employer_ids=command.employer_ids,
        credit_code=None if own_code is None else own_code.code,
    )
    context.session.append(union, command.union_id, [established])
    for employer_id in dict.fromkeys(command.employer_ids):
        await _cover(employer_id, command, context)
    if own_code is not None:
        if await context.session.load(credit_code, own_code.code) is not None:
            raise CREDIT_CODE_TAKEN(code=own_code.code)
        context.session.append(credit_code, own_code.code, [CreditCodeTaken(organisation_id=command.union_id)])


async def _cover(employer_id: EmployerId, command: EstablishUnion | AdmitEmployer, context: Context) -> None:
    """An employer belongs to one union at most: its own stream says which."""
    state = await context.session.load(employer, employer_id)
    if not state.registered:
        raise NO_SUCH_EMPLOYER()
    if state.union_id not in (None, command.union_id):
        raise EMPLOYER_COVERED()
    if state.union_id is None:
        admitted = EmployerAdmitted(union_id=command.union_id, employer_id=employer_id)
        context.session.append(employer, employer_id, [admitted])


async def rename_union(command: RenameUnion, context: Context) -> None:
    await living_union(context, command.union_id)
    renamed = UnionRenamed(union_id=command.union_id, name=command.name)
    context.session.append(union, command.union_id, [renamed])


async def admit_employer(command: AdmitEmployer, context: Context) -> None:
    state = await living_union(context, command.union_id)
    if state.kind is UnionKind.SINGLE:
        raise ONE_EMPLOYER_ONLY()
    await _cover(command.employer_id, command, context)


async def release_employer(command: ReleaseEmployer, context: Context) -> None:
    state = await living_union(context, command.union_id)
    if state.kind is UnionKind.SINGLE:
        raise ONE_EMPLOYER_ONLY()
    covered = await context.session.load(employer, command.employer_id)
    if covered.union_id != command.union_id:
        raise EMPLOYER_NOT_COVERED()
    released = EmployerReleased(union_id=command.union_id, employer_id=command.employer_id)
    context.session.append(employer, command.employer_id, [released])


async def union_contact(command: AppointUnionContact | RelieveUnionContact, context: Context) -> None:
    state = await living_union(context, command.union_id)
    held = state.posts.get(command.member_id)
    match command:
        case AppointUnionContact(post=post) if held is post:
            return
        case AppointUnionContact(post=UnionPost.CHAIR) if UnionPost.CHAIR in state.posts.values():
            raise CHAIR_IN_OFFICE()
        case AppointUnionContact(union_id=union_id, member_id=member_id, post=post):
            appointed = UnionContactAppointed(union_id=union_id, member_id=member_id, post=post)
            context.session.append(union, union_id, [appointed])
        case RelieveUnionContact(union_id=union_id, member_id=member_id):
            if held is None:
                raise NOT_A_CONTACT()
            relieved = UnionContactRelieved(union_id=union_id, member_id=member_id, post=held)
            context.session.append(union, union_id, [relieved])


async def dissolve_union(command: DissolveUnion, context: Context) -> None:
    await living_union(context, command.union_id)
    today: date = context.facts().today
    if command.on is not None and command.on > today:
        raise IN_THE_FUTURE(on=command.on)
    left = await context.read_models.some(
        Members, "union_id = $1 and ended_on is null and not erased limit 1000", command.union_id
    )
    if left:
        raise UNION_HAS_MEMBERS(members=len(left))
    dissolved = UnionDissolved(union_id=command.union_id, on=command.on or today)
    context.session.append(union, command.union_id, [dissolved])


HANDLERS: dict[type[Command], Handler] = {
    RegisterFederation: register_federation,
    AppointFederationContact: federation_contact,
    RelieveFederationContact: federation_contact,
    RegisterEmployer: register_employer,
    RenameEmployer: rename_employer,
    AppointEmployerContact: employer_contact,
    RelieveEmployerContact: employer_contact,
    EstablishUnion: establish_union,
    RenameUnion: rename_union,
    AdmitEmployer: admit_employer,
    ReleaseEmployer: release_employer,
    AppointUnionContact: union_contact,
    RelieveUnionContact: union_contact,
    DissolveUnion: dissolve_union,
}
