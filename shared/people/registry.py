"""The registry's stream, as the programmes follow it."""

from typing import Final

from shared.eventsourcing.codec import Codec
from shared.schemas import registry

__all__ = ["REGISTRY", "REGISTRY_CODEC"]

REGISTRY: Final = "registry"
REGISTRY_CODEC: Final = Codec.of(registry)
