"""Mutual medical aid: the wiring, and nothing else."""

from services.aid.answers import ANSWERS
from services.aid.deadlines import deadlines
from services.aid.handling import HANDLERS
from services.aid.people import Employers, Workers
from services.aid.reactions import reactions
from services.aid.views import VIEWS
from shared.eventsourcing.codec import Codec
from shared.people import REGISTRY, REGISTRY_CODEC, Cadres
from shared.runtime.service import Follow, Service
from shared.schemas import aid

CODEC = Codec.of(aid)

service = Service(
    programme="aid",
    codec=CODEC,
    commands=HANDLERS,
    queries=ANSWERS,
    views=VIEWS,
    follows=(Follow(REGISTRY, REGISTRY_CODEC, (Workers(), Employers(), Cadres())),),
    reactions=reactions(CODEC),
    deadlines=deadlines,
    keeps_personal_data=True,
)

if __name__ == "__main__":
    service.main()
