"""Who may see what: a worker their own, a cadre what is of their union's workers, a hospital its own settlements, the
federation what is of the pools that it belongs to. Nobody looks into another city."""

from services.aid import refusals
from services.aid.domain.publication import SCHEME
from services.aid.handling import rulebook
from services.aid.people import Workers
from services.aid.rules import Rulebook, city_of
from shared.people import unions_of
from shared.runtime.queries import Asked
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation, Role

__all__ = ["must_be_the_hospital", "must_concern", "pools_of", "rules_of"]


async def rules_of(asked: Asked) -> Rulebook:
    """The shipped rules with all that the city has published."""
    published = await asked.repository.state(SCHEME, city_of(asked.federation))
    return rulebook(published)


def pools_of(rules: Rulebook, federation: Federation) -> list[Federation]:
    """The pools that a federation belongs to, or did: what is of them, its officers may handle."""
    return sorted({terms.pool for terms in rules.schemes if federation in {terms.pool, *terms.counties}})


async def must_concern(member_id: MemberId, asked: Asked) -> None:
    """Refused (`not_a_member`, `not_concerned`)."""
    row = await asked.read_models.one(Workers, member_id)
    if row is None or city_of(row.federation) != city_of(asked.federation):
        raise refusals.NOT_A_MEMBER()
    match asked.actor.role:
        case Role.MEMBER if asked.actor.id != str(member_id):
            raise refusals.NOT_CONCERNED()
        case Role.CADRE if asked.actor.id != str(member_id):
            if row.union_id not in await unions_of(asked.actor, asked.read_models):
                raise refusals.NOT_CONCERNED()


def must_be_the_hospital(hospital: str, asked: Asked) -> None:
    """Refused (`not_your_hospital`) where another hospital asks."""
    if asked.actor.role is Role.HOSPITAL and asked.actor.id != hospital:
        raise refusals.NOT_YOUR_HOSPITAL(hospital=hospital)
