"""The registry: the wiring, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

from services.registry import members, offices, organisations
from services.registry.answers import ANSWERS
from services.registry.members import Pepper
from services.registry.views import Employers, Federations, Members, Unions
from shared.eventsourcing.codec import Codec
from shared.runtime.reactions import Reacting, Reaction
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.schemas import registry
from shared.schemas.registry import MemberErased

CODEC = Codec.of(registry)


@asynccontextmanager
async def pepper(settings: Settings) -> AsyncIterator[Pepper]:
    yield Pepper(blake2b(b"identity numbers", key=settings.wrapping_key, digest_size=32).digest())


async def destroy_key(event: MemberErased, reacting: Reacting) -> None:
    assert reacting.keyring is not None
    await reacting.keyring.erase(event.member_id)


service = Service(
    programme="registry",
    codec=CODEC,
    commands=organisations.HANDLERS | offices.HANDLERS | members.HANDLERS,
    queries=ANSWERS,
    views=(Members(), Employers(), Unions(), Federations()),
    reactions=(Reaction("registry-erasure", "registry", CODEC, {MemberErased: destroy_key}),),
    keeps_personal_data=True,
    resources=pepper,
)

if __name__ == "__main__":
    service.main()
