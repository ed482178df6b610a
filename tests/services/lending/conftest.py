"""The district that tests of whole services ask for."""

from tests.services.lending.district import jiangbei, servers

__all__ = ["jiangbei", "servers"]
