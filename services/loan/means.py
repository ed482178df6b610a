"""What a member tells of their means when filing, and what is found of it. It stands in the application's stream alone,
sealed with the member's key, and is opened for a new assessment and for whoever may know it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.loan.borrowers import MemoryOfBorrowers, consents_to
from services.loan.domain.application import APPLICATION
from services.loan.views import ApplicationRow
from shared.runtime.commands import Context
from shared.runtime.queries import Asked
from shared.schemas.loan import ApplicationFiled, ApplicationId, ApplicationReassessed, Borrower, Finding
from shared.schemas.messages import Role
from shared.schemas.personal import Personal

__all__ = ["Means", "shown", "told"]


@dataclass(frozen=True, slots=True)
class Means:
    """Both are None where the one who asks may not know them, or the member was erased."""

    borrower: Personal[Borrower] | None = None
    findings: Personal[tuple[Finding, ...]] | None = None
    """Of the filing, then of the endorsement."""


UNTOLD = Means()


async def told(application_id: ApplicationId, context: Context) -> Borrower | None:
    """What an application says; None where the member was erased since."""
    for event in await context.opened(APPLICATION, application_id):
        if isinstance(event, ApplicationFiled) and event.borrower.is_clear:
            return event.borrower.clear
    return None


async def shown(rows: Sequence[ApplicationRow], asked: Asked) -> list[Means]:
    """Of each of these applications, which the asker may see."""
    assert asked.keyring is not None
    open_to_asker = [row.application_id for row in rows if await _may_know(row, asked)]
    recorded = await asked.repository.recorded_of_each(APPLICATION, open_to_asker)
    means: dict[ApplicationId, Means] = {}
    for event in await asked.keyring.open([one for stream in recorded for one in stream]):
        match event:
            case ApplicationFiled(application_id=key, borrower=borrower, findings=findings):
                means[key] = Means(_unless_erased(borrower), _unless_erased(findings))
            case ApplicationReassessed(application_id=key, findings=findings):
                means[key] = replace(means[key], findings=_unless_erased(findings))
    return [means.get(row.application_id, UNTOLD) for row in rows]


async def _may_know(row: ApplicationRow, asked: Asked) -> bool:
    """A bank only while the member's consent to it is in force (个人信息保护法 第15条, 第23条)."""
    memory: MemoryOfBorrowers = asked.resources
    member = await memory.row(row.member_id, asked.read_models)
    if member is None or member.erased:
        return False
    return asked.actor.role is not Role.BANK or asked.actor.id in consents_to(member, asked.today)


def _unless_erased[T](personal: Personal[T]) -> Personal[T] | None:
    return None if personal.is_erased else personal
