"""The figures of a half-year as its programme gives them, and a county that is smaller in proportion."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.schemas.messages import Federation
from shared.schemas.money import Fen, fen

__all__ = ["DONGYANG_2019H1", "Figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    federation: Federation
    period: date
    """The first day of the period that the half-year lies in."""
    first: date
    last: date
    employers: int
    insured: int
    claims: int
    """That are granted and paid; those that come to nothing come on top."""
    paid: Fen

    def scaled(self, to: int) -> "Figures":
        """One in so many of everything, rounded down."""
        return Figures(
            self.federation,
            self.period,
            self.first,
            self.last,
            self.employers // to,
            self.insured // to,
            self.claims // to,
            self.paid // to,
        )


DONGYANG_2019H1: Final = Figures(
    federation="330783",
    period=date(2018, 7, 1),
    first=date(2019, 1, 1),
    last=date(2019, 6, 30),
    employers=903,
    insured=72_388,
    claims=6_854,
    paid=fen("6391000.00"),
)
"""东阳, the first half of 2019, the last before the city pooled its counties: 72,388 insured at 903 enterprises, 6,854
stays and special outpatient claims, 6.391 million CNY paid."""
