"""Consents of a member, and their erasure (个人信息保护法)."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Command, Role, Text
from shared.schemas.registry.members import MemberEvent
from shared.schemas.registry.values import ConsentId, ConsentPurpose, ErasureGround, Party

__all__ = [
    "ConsentGiven",
    "ConsentWithdrawn",
    "EraseMember",
    "GiveConsent",
    "MemberErased",
    "WithdrawConsent",
]


class GiveConsent(Command):
    """Record a member's separate consent to one purpose and one party (第23条, 第29条).

    `evidence` says where the consent can be proved, such as the archive number of a signed form; it names nobody.
    """

    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER})

    member_id: MemberId
    consent_id: ConsentId = Field(default_factory=lambda: ConsentId(new_id()))
    purpose: ConsentPurpose
    to: Party
    evidence: Text
    on: date | None = None
    """Today, where it isn't said."""
    until: date | None = None
    """The last day; without it, until withdrawn."""


class ConsentGiven(MemberEvent):
    consent_id: ConsentId
    purpose: ConsentPurpose
    to: Party
    evidence: str
    on: date
    until: date | None


class WithdrawConsent(Command):
    """Withdraw a consent (第15条): what was done under it stays done, nothing more may be."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER})

    member_id: MemberId
    consent_id: ConsentId
    evidence: Text | None = None
    on: date | None = None


class ConsentWithdrawn(MemberEvent):
    consent_id: ConsentId
    purpose: ConsentPurpose
    to: Party
    evidence: str | None
    on: date


class EraseMember(Command):
    """Erase all that names or describes a person (第47条): their key is destroyed, and read models are purged."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    member_id: MemberId
    ground: ErasureGround


class MemberErased(MemberEvent):
    """Whoever holds anything of the person beside ids must delete it now."""

    ground: ErasureGround
