"""How federations, employers and unions are entered and changed."""

from services.registry.authority import employer_here, employers_own, living_union
from services.registry.domain.deciding import not_later
from services.registry.domain.organisations import credit_code, employer, federation, union
from services.registry.freshness import caught_up
from services.registry.identity import CreditCode, read_credit_code
from services.registry.refusals import (
    CREDIT_CODE_NOT_OF_UNION,
    CREDIT_CODE_OF_UNION,
    CREDIT_CODE_TAKEN,
    EMPLOYER_COVERED,
    EMPLOYER_EXISTS,
    EMPLOYER_NOT_COVERED,
    FEDERATION_EXISTS,
    LEVEL_WORDS,
    NO_SUCH_FEDERATION,
    ONE_EMPLOYER_ONLY,
    PARENT_NOT_ABOVE,
    UNION_EXISTS,
    UNION_HAS_MEMBERS,
)
from services.registry.views import LIVING, Employers, Members
from shared.runtime.commands import Context, Handler
from shared.schemas.ids import EmployerId, UnionId
from shared.schemas.messages import Command
from shared.schemas.registry import (
    AdmitEmployer,
    CreditCodeTaken,
    DissolveUnion,
    EmployerAdmitted,
    EmployerRegistered,
    EmployerReleased,
    EmployerRenamed,
    EstablishUnion,
    FederationRegistered,
    RegisterEmployer,
    RegisterFederation,
    ReleaseEmployer,
    RenameEmployer,
    RenameUnion,
    UnionDissolved,
    UnionEstablished,
    UnionRenamed,
)
from shared.schemas.registry.values import FederationLevel, UnionKind

__all__ = ["HANDLERS"]

FROM_THE_TOP = (FederationLevel.PROVINCE, FederationLevel.CITY, FederationLevel.COUNTY)


# Federations


async def register_federation(command: RegisterFederation, context: Context) -> None:
    state = await context.session.load(federation, command.code)
    if state.level is not None:
        raise FEDERATION_EXISTS(code=command.code)
    if command.parent is not None:
        above = (await context.session.load(federation, command.parent)).level
        if above is None:
            raise NO_SUCH_FEDERATION(code=command.parent)
        if FROM_THE_TOP.index(above) >= FROM_THE_TOP.index(command.level):
            raise PARENT_NOT_ABOVE(level=LEVEL_WORDS[command.level], parent_level=LEVEL_WORDS[above])
    registered = FederationRegistered(code=command.code, name=command.name, level=command.level, parent=command.parent)
    context.session.append(federation, command.code, [registered])


async def _federation(context: Context) -> str:
    """The code of the federation that is asked, where it is registered."""
    code = context.envelope.federation
    if (await context.session.load(federation, code)).level is None:
        raise NO_SUCH_FEDERATION(code=code)
    return code


async def _take(code: CreditCode, organisation: EmployerId | UnionId, context: Context) -> None:
    key = f"{context.envelope.federation}-{code.code}"
    if await context.session.load(credit_code, key) is not None:
        raise CREDIT_CODE_TAKEN(code=code.code)
    context.session.append(credit_code, key, [CreditCodeTaken(organisation_id=organisation)])


# Employers


async def register_employer(command: RegisterEmployer, context: Context) -> None:
    code = read_credit_code(command.credit_code)
    if code.is_of_a_union:
        raise CREDIT_CODE_OF_UNION()
    if (await context.session.load(employer, command.employer_id)).federation is not None:
        raise EMPLOYER_EXISTS()
    registered = EmployerRegistered(
        employer_id=command.employer_id,
        federation=await _federation(context),
        name=command.name,
        credit_code=code.code,
    )
    context.session.append(employer, command.employer_id, [registered])
    await _take(code, command.employer_id, context)


async def rename_employer(command: RenameEmployer, context: Context) -> None:
    await employers_own(context, command.employer_id)
    renamed = EmployerRenamed(employer_id=command.employer_id, name=command.name)
    context.session.append(employer, command.employer_id, [renamed])


# Unions


async def establish_union(command: EstablishUnion, context: Context) -> None:
    code = await _federation(context)
    if (await context.session.load(union, command.union_id)).federation is not None:
        raise UNION_EXISTS()
    own_code = None if command.credit_code is None else read_credit_code(command.credit_code)
    if own_code is not None and not own_code.is_of_a_grassroots_union:
        raise CREDIT_CODE_NOT_OF_UNION()
    employer_ids = tuple(dict.fromkeys(command.employer_ids))
    if command.kind is UnionKind.SINGLE and len(employer_ids) > 1:
        raise ONE_EMPLOYER_ONLY()
    established = UnionEstablished(
        union_id=command.union_id,
        federation=code,
        name=command.name,
        kind=command.kind,
        employer_ids=employer_ids,
        credit_code=None if own_code is None else own_code.code,
    )
    context.session.append(union, command.union_id, [established])
    for employer_id in employer_ids:
        await _cover(employer_id, command.union_id, context)
    if own_code is not None:
        await _take(own_code, command.union_id, context)


async def _cover(employer_id: EmployerId, union_id: UnionId, context: Context) -> None:
    """An employer belongs to one union at most: its own stream says which."""
    state = await employer_here(context, employer_id)
    if state.union_id not in (None, union_id):
        raise EMPLOYER_COVERED()
    admitted = EmployerAdmitted(union_id=union_id, employer_id=employer_id)
    context.session.append(employer, employer_id, [admitted] if state.union_id is None else [])


async def rename_union(command: RenameUnion, context: Context) -> None:
    await living_union(context, command.union_id)
    renamed = UnionRenamed(union_id=command.union_id, name=command.name)
    context.session.append(union, command.union_id, [renamed])


async def admit_employer(command: AdmitEmployer, context: Context) -> None:
    state = await living_union(context, command.union_id)
    if state.kind is UnionKind.SINGLE:
        raise ONE_EMPLOYER_ONLY()
    await _cover(command.employer_id, command.union_id, context)


async def release_employer(command: ReleaseEmployer, context: Context) -> None:
    """Its members stay in the union until they are moved: an employer must be free before it can have its own."""
    state = await living_union(context, command.union_id)
    if state.kind is UnionKind.SINGLE:
        raise ONE_EMPLOYER_ONLY()
    if (await employer_here(context, command.employer_id)).union_id != command.union_id:
        raise EMPLOYER_NOT_COVERED()
    _release(command.union_id, command.employer_id, context)


async def dissolve_union(command: DissolveUnion, context: Context) -> None:
    """Its employers are free for another union."""
    await living_union(context, command.union_id)
    day = not_later(command.on, context.facts())
    await caught_up(context)
    if left := await context.read_models.count(Members, f"union_id = $1 and {LIVING}", command.union_id):
        raise UNION_HAS_MEMBERS(members=left)
    context.session.append(union, command.union_id, [UnionDissolved(union_id=command.union_id, on=day)])
    for row in await context.read_models.some(Employers, "union_id = $1", command.union_id):
        if (await context.session.load(employer, row.employer_id)).union_id == command.union_id:
            _release(command.union_id, row.employer_id, context)


def _release(union_id: UnionId, employer_id: EmployerId, context: Context) -> None:
    released = EmployerReleased(union_id=union_id, employer_id=employer_id)
    context.session.append(employer, employer_id, [released])


HANDLERS: dict[type[Command], Handler] = {
    RegisterFederation: register_federation,
    RegisterEmployer: register_employer,
    RenameEmployer: rename_employer,
    EstablishUnion: establish_union,
    RenameUnion: rename_union,
    AdmitEmployer: admit_employer,
    ReleaseEmployer: release_employer,
    DissolveUnion: dissolve_union,
}
