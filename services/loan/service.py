"""The craftsman loan: the wiring, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.loan.answers import ANSWERS
from services.loan.borrowers import Borrowers, MemoryOfBorrowers
from services.loan.deadlines import deadlines
from services.loan.handling import HANDLERS
from services.loan.reactions import reactions
from services.loan.views import Applications, Draws, Lines
from shared.eventsourcing.codec import Codec
from shared.people import REGISTRY, REGISTRY_CODEC, Cadres
from shared.runtime.service import Follow, Service
from shared.runtime.settings import Settings
from shared.schemas import loan

CODEC = Codec.of(loan)


@asynccontextmanager
async def memory(_settings: Settings) -> AsyncIterator[MemoryOfBorrowers]:
    yield MemoryOfBorrowers()


service = Service(
    programme="loan",
    codec=CODEC,
    commands=HANDLERS,
    queries=ANSWERS,
    views=(Applications(), Lines(), Draws()),
    follows=(Follow(REGISTRY, REGISTRY_CODEC, (Borrowers(), Cadres())),),
    reactions=reactions(CODEC),
    deadlines=deadlines,
    resources=memory,
    keeps_personal_data=True,
)

if __name__ == "__main__":
    service.main()
