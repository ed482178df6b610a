"""Which claim of which county an invoice counts for: given/when/then, and whatever arrives in whatever order."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.city.domain import INVOICE, Invoice, Taker, decide
from shared.eventsourcing.decider import Facts
from shared.eventsourcing.specification import Specification
from shared.schemas.aid import ClaimId, InvoiceId
from shared.schemas.city import (
    FreeInvoice,
    InvoiceAdmitted,
    InvoiceCommand,
    InvoiceContested,
    InvoiceEvent,
    InvoiceFreed,
    RegisterInvoice,
)
from tests.shared.eventsourcing.savings import FACTS

DONGYANG, JINHUA = "330783", "330700"
THE_INVOICE = InvoiceId(UUID(int=7))
ONE, TWO, THREE = (ClaimId(UUID(int=number)) for number in (1, 2, 3))


def _decided(command: InvoiceCommand, state: Invoice, _facts: Facts) -> list[InvoiceEvent]:
    return decide(command, state)


invoice: Specification[InvoiceCommand, Invoice, InvoiceEvent, Facts] = Specification(INVOICE.fold, _decided, FACTS)


def register(claim: ClaimId, county: str = DONGYANG) -> RegisterInvoice:
    return RegisterInvoice(invoice_id=THE_INVOICE, county=county, claim_id=claim)


def free(claim: ClaimId, county: str = DONGYANG) -> FreeInvoice:
    return FreeInvoice(invoice_id=THE_INVOICE, county=county, claim_id=claim)


def admitted(claim: ClaimId, county: str = DONGYANG) -> InvoiceAdmitted:
    return InvoiceAdmitted(invoice_id=THE_INVOICE, county=county, claim_id=claim)


def freed(claim: ClaimId, county: str = DONGYANG) -> InvoiceFreed:
    return InvoiceFreed(invoice_id=THE_INVOICE, county=county, claim_id=claim)


def contested(claim: ClaimId, county: str, held_by: ClaimId, held_in: str) -> InvoiceContested:
    return InvoiceContested(invoice_id=THE_INVOICE, county=county, claim_id=claim, held_by=held_by, held_in=held_in)


FIRST, SECOND = admitted(ONE), contested(TWO, JINHUA, ONE, DONGYANG)


def test_an_invoice_counts_for_the_claim_that_is_heard_of_first() -> None:
    invoice.given().when(register(ONE)).then(FIRST)
    invoice.given(FIRST).when(register(TWO, JINHUA)).then(SECOND)


def test_hearing_the_same_again_changes_nothing() -> None:
    invoice.given(FIRST).when(register(ONE)).nothing()
    invoice.given(FIRST, SECOND).when(register(TWO, JINHUA)).nothing()
    invoice.given(FIRST, freed(ONE)).when(free(ONE)).nothing()
    invoice.given().when(free(ONE)).nothing()


def test_whoever_waited_longest_gets_what_is_let_go() -> None:
    third = contested(THREE, DONGYANG, ONE, DONGYANG)
    invoice.given(FIRST).when(free(ONE)).then(freed(ONE))
    invoice.given(FIRST, SECOND, third).when(free(ONE)).then(freed(ONE), admitted(TWO, JINHUA))


def test_whoever_gives_up_waiting_is_passed_over() -> None:
    third = contested(THREE, DONGYANG, ONE, DONGYANG)
    invoice.given(FIRST, SECOND, third).when(free(TWO, JINHUA)).then(freed(TWO, JINHUA))
    invoice.given(FIRST, SECOND, third, freed(TWO, JINHUA)).when(free(ONE)).then(freed(ONE), admitted(THREE))


takers = st.sampled_from([Taker(county, claim) for county in (DONGYANG, JINHUA) for claim in (ONE, TWO, THREE)])


class City(RuleBasedStateMachine):
    """Counties tell what they took and let go, any number of times."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Invoice()
        self.queue: list[Taker] = []
        self.admitted: Taker | None = None

    @rule(taker=takers)
    def takes(self, taker: Taker) -> None:
        if taker not in self.queue:
            self.queue.append(taker)
        self._carry_out(register(taker.claim_id, taker.county))

    @rule(taker=takers)
    def lets_go(self, taker: Taker) -> None:
        if taker in self.queue:
            self.queue.remove(taker)
        self._carry_out(free(taker.claim_id, taker.county))

    def _carry_out(self, command: InvoiceCommand) -> None:
        for event in decide(command, self.state):
            taker = Taker(event.county, event.claim_id)
            match event:
                case InvoiceAdmitted():
                    assert self.admitted is None, "two claims are told that it counts for them"
                    self.admitted = taker
                case InvoiceFreed() if taker == self.admitted:
                    self.admitted = None
            self.state = INVOICE.evolve(self.state, event)

    @invariant()
    def it_counts_for_the_first_of_those_who_have_not_let_it_go(self) -> None:
        assert self.admitted == self.state.holder == (self.queue[0] if self.queue else None)
        assert list(self.state.waiting) == self.queue[1:]


TestCity = City.TestCase
