"""A registry of federations and nothing else, to be run as a service of a local system."""

from dataclasses import dataclass
from uuid import NAMESPACE_OID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate, Facts
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.commands import Context
from shared.runtime.queries import Asked
from shared.runtime.service import Service
from shared.schemas.ids import derived_id
from shared.schemas.messages import Event, Reason
from shared.schemas.registry import (
    FederationAnswer,
    FederationLevel,
    FederationRegistered,
    RegisterFederation,
    ShowFederation,
)

KNOWN = Reason("federation_known", "GB/T 2260", "{code} 已经登记")


def decide(command: RegisterFederation, known: bool, _facts: Facts) -> list[FederationRegistered]:
    if known:
        raise KNOWN(code=command.code)
    return [FederationRegistered(code=command.code, name=command.name, level=command.level, parent=command.parent)]


federation: Aggregate[bool, Event] = Aggregate("federation", False, lambda _known, _event: True)


async def register(command: RegisterFederation, context: Context) -> None:
    key = derived_id(NAMESPACE_OID, command.code)
    known = await context.session.load(federation, key)
    context.session.append(federation, key, decide(command, known, context.facts()))


@dataclass(slots=True)
class FederationRow:
    code: str
    name: str
    level: FederationLevel
    parent: str | None


class Federations(View[FederationRow]):
    name, version, key = "federations", 1, ("code",)

    @on(FederationRegistered)
    def registered(self, rows: Rows[FederationRow], event: FederationRegistered, at: Recorded) -> None:
        rows.put(FederationRow(event.code, event.name, event.level, event.parent))


async def show(query: ShowFederation, asked: Asked) -> FederationAnswer:
    row = await asked.read_models.one(Federations, query.code)
    assert row is not None
    return FederationAnswer(
        code=row.code, name=row.name, level=row.level, parent=row.parent, children=(), contacts=(), unions=0, members=0
    )


SERVICE = Service(
    programme="registry",
    codec=Codec([FederationRegistered]),
    commands={RegisterFederation: register},
    queries={ShowFederation: show},
    views=(Federations(),),
)

if __name__ == "__main__":
    SERVICE.main()
