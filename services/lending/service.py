"""Lending: the wiring, and nothing else."""

from services.lending.answers import ANSWERS
from services.lending.deadlines import deadlines
from services.lending.handling import HANDLERS
from services.lending.members import Members
from services.lending.reactions import reactions
from services.lending.views import Items, Points, Shares, Usage
from shared.eventsourcing.codec import Codec
from shared.people import REGISTRY, REGISTRY_CODEC, Cadres
from shared.runtime.service import Follow, Service
from shared.schemas import lending

CODEC = Codec.of(lending)

service = Service(
    programme="lending",
    codec=CODEC,
    commands=HANDLERS,
    queries=ANSWERS,
    views=(Items(), Points(), Shares(), Usage()),
    follows=(Follow(REGISTRY, REGISTRY_CODEC, (Members(), Cadres())),),
    reactions=reactions(CODEC),
    deadlines=deadlines,
)

if __name__ == "__main__":
    service.main()
