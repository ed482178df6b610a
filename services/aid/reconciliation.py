"""Daily reconciliation with a hospital (日对账): every difference, in both directions.

Both sides list what they confirmed and cancelled on a day, by settlement number.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.schemas.aid import DifferenceKind, SettlementNumber, SettlementStatus
from shared.schemas.money import Fen

__all__ = ["Difference", "Settled", "reconcile"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A line of either side's day."""

    settlement_number: SettlementNumber
    status: SettlementStatus
    amount: Fen


@dataclass(frozen=True, slots=True)
class Difference:
    kind: DifferenceKind
    settlement_number: SettlementNumber
    ours: Settled | None
    theirs: Settled | None


def reconcile(ours: Iterable[Settled], theirs: Iterable[Settled]) -> list[Difference]:
    """By settlement number; none where both sides agree. One settlement may differ in status and amount at once."""
    known = {line.settlement_number: line for line in ours}
    told: dict[SettlementNumber, Settled] = {}
    differences: list[Difference] = []
    for line in theirs:
        if line.settlement_number in told:
            differences.append(
                Difference(DifferenceKind.TWICE, line.settlement_number, known.get(line.settlement_number), line)
            )
        else:
            told[line.settlement_number] = line
    for number in known.keys() | told.keys():
        differences += _between(number, known.get(number), told.get(number))
    return sorted(differences, key=lambda difference: (difference.settlement_number, difference.kind))


def _between(number: SettlementNumber, our: Settled | None, their: Settled | None) -> list[Difference]:
    match our, their:
        case _, None:
            return [Difference(DifferenceKind.ONLY_THE_FUNDS, number, our, None)]
        case None, _:
            return [Difference(DifferenceKind.ONLY_THE_HOSPITALS, number, None, their)]
        case Settled(), Settled():
            kinds = [
                kind
                for kind, differs in (
                    (DifferenceKind.STATUS, our.status is not their.status),
                    (DifferenceKind.AMOUNT, our.amount != their.amount),
                )
                if differs
            ]
            return [Difference(kind, number, our, their) for kind in kinds]
        case _:
            return []
