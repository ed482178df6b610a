"""The county that tests of whole services ask for."""

from tests.services.loan.county import nanxun, servers

__all__ = ["nanxun", "servers"]
