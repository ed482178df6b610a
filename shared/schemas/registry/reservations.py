"""What may be in the registry once only: a person's identity number, an organisation's credit code."""

from uuid import UUID

from shared.schemas.ids import MemberId
from shared.schemas.messages import Event

__all__ = ["CreditCodeTaken", "IdentityReleased", "IdentityTaken"]


class IdentityTaken(Event):
    """The identity number of this stream is a member's. The stream's name is a keyed hash of the number."""

    member_id: MemberId


class IdentityReleased(Event):
    """The number is free: it was corrected, or the person was erased."""

    member_id: MemberId


class CreditCodeTaken(Event):
    """The credit code of this stream is an employer's or a union's."""

    organisation_id: UUID
