"""For commands that decide on read models: waiting until those have what the log has. Raises Refused (busy)."""

from typing import Final

from services.registry.domain.member import member
from services.registry.refusals import NO_SUCH_MEMBER
from services.registry.views import MemberRow, Members
from shared.runtime.commands import Context
from shared.runtime.envelope import BUSY
from shared.schemas.ids import MemberId

__all__ = ["caught_up", "row_of"]

LONGEST_WAIT: Final = 10.0
"""Seconds."""


async def caught_up(context: Context) -> None:
    """Until every read model has the whole log."""
    if not await context.read_models.caught_up(LONGEST_WAIT):
        raise BUSY()


async def row_of(member_id: MemberId, context: Context) -> MemberRow:
    """What the registry holds of a loaded member in clear, at least as new as what was loaded."""
    position = context.session.position(member, member_id)
    try:
        await context.read_models.own.reached(position, Members, timeout=LONGEST_WAIT)
    except TimeoutError:
        raise BUSY() from None
    row = await context.read_models.one(Members, member_id)
    if row is None:
        raise NO_SUCH_MEMBER()
    return row
