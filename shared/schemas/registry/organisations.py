"""Federations (总工会), grassroots unions (基层工会) and employers (用人单位), and the members who act for them."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from shared.schemas.ids import EmployerId, MemberId, UnionId, new_id
from shared.schemas.messages import Command, Event, Federation, Role
from shared.schemas.registry.values import (
    FEDERATION_STAFF,
    UNION_STAFF,
    FederationLevel,
    NumberText,
    OrganisationName,
    UnionKind,
    UnionPost,
)

__all__ = [
    "AdmitEmployer",
    "AppointEmployerContact",
    "AppointFederationContact",
    "AppointUnionContact",
    "DissolveUnion",
    "EmployerAdmitted",
    "EmployerContactAppointed",
    "EmployerContactRelieved",
    "EmployerRegistered",
    "EmployerReleased",
    "EmployerRenamed",
    "EstablishUnion",
    "FederationContactAppointed",
    "FederationContactRelieved",
    "FederationRegistered",
    "RegisterEmployer",
    "RegisterFederation",
    "ReleaseEmployer",
    "RelieveEmployerContact",
    "RelieveFederationContact",
    "RelieveUnionContact",
    "RenameEmployer",
    "RenameUnion",
    "UnionContactAppointed",
    "UnionContactRelieved",
    "UnionDissolved",
    "UnionEstablished",
    "UnionRenamed",
]


# Federations


class RegisterFederation(Command):
    """Enter a federation under its division code (GB/T 2260). `parent` is the next one above that is on the system."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OPERATOR})

    code: Federation
    name: OrganisationName
    level: FederationLevel
    parent: Federation | None = None


class FederationRegistered(Event):
    code: Federation
    name: str
    level: FederationLevel
    parent: Federation | None


class AppointFederationContact(Command):
    """Name a member who answers for the federation: its officer for members' programmes."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    code: Federation
    member_id: MemberId


class FederationContactAppointed(Event):
    code: Federation
    member_id: MemberId


class RelieveFederationContact(Command):
    """End what a member answers for."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    code: Federation
    member_id: MemberId


class FederationContactRelieved(Event):
    code: Federation
    member_id: MemberId


# Employers


class RegisterEmployer(Command):
    """Enter an employer under its unified social credit code (GB 32100), in the federation that is asked."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    employer_id: EmployerId = Field(default_factory=lambda: EmployerId(new_id()))
    name: OrganisationName
    credit_code: NumberText


class EmployerRegistered(Event):
    employer_id: EmployerId
    federation: Federation
    name: str
    credit_code: str


class RenameEmployer(Command):
    """Record an employer's change of name. Its credit code stays."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    employer_id: EmployerId
    name: OrganisationName


class EmployerRenamed(Event):
    employer_id: EmployerId
    name: str


class AppointEmployerContact(Command):
    """Name a member who can be reached for an employer."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    employer_id: EmployerId
    member_id: MemberId


class EmployerContactAppointed(Event):
    employer_id: EmployerId
    member_id: MemberId


class RelieveEmployerContact(Command):
    """Say that a member is no longer to be reached for an employer."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    employer_id: EmployerId
    member_id: MemberId


class EmployerContactRelieved(Event):
    employer_id: EmployerId
    member_id: MemberId


# Unions


class EstablishUnion(Command):
    """Enter a grassroots union of one employer (单建) or of several (联合), under the federation that is asked.

    `credit_code` is the union's own, which begins with 81; a joint union of small employers may have none.
    """

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    union_id: UnionId = Field(default_factory=lambda: UnionId(new_id()))
    name: OrganisationName
    kind: UnionKind
    employer_ids: Annotated[tuple[EmployerId, ...], Field(min_length=1)]
    credit_code: NumberText | None = None


class UnionEstablished(Event):
    union_id: UnionId
    federation: Federation
    name: str
    kind: UnionKind
    employer_ids: tuple[EmployerId, ...]
    credit_code: str | None


class RenameUnion(Command):
    """Record a union's change of name."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    union_id: UnionId
    name: OrganisationName


class UnionRenamed(Event):
    union_id: UnionId
    name: str


class AdmitEmployer(Command):
    """Bring one more employer under a joint union (覆盖单位)."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    union_id: UnionId
    employer_id: EmployerId


class EmployerAdmitted(Event):
    union_id: UnionId
    employer_id: EmployerId


class ReleaseEmployer(Command):
    """End a joint union's coverage of an employer."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    union_id: UnionId
    employer_id: EmployerId


class EmployerReleased(Event):
    union_id: UnionId
    employer_id: EmployerId


class AppointUnionContact(Command):
    """Name a member who acts for the union: its chair (主席), a vice-chair or a cadre. There is one chair at a time."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    union_id: UnionId
    member_id: MemberId
    post: UnionPost


class UnionContactAppointed(Event):
    """From now on the member acts for the union; an earlier post of theirs there ends."""

    union_id: UnionId
    member_id: MemberId
    post: UnionPost


class RelieveUnionContact(Command):
    """End a member's post in a union."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    union_id: UnionId
    member_id: MemberId


class UnionContactRelieved(Event):
    union_id: UnionId
    member_id: MemberId
    post: UnionPost


class DissolveUnion(Command):
    """Record that a union was dissolved (撤销). Its members must have moved or left before."""

    roles: ClassVar[frozenset[Role]] = FEDERATION_STAFF

    union_id: UnionId
    on: date | None = None
    """Today, where it isn't said."""


class UnionDissolved(Event):
    union_id: UnionId
    on: date
