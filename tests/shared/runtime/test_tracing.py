"""One trace from a command over its event to the reaction of another service."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import nats
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Role
from tests.shared.runtime.tills import TILLS, Clapper, PutMoney, TakeMoney, bells
from tests.waiting import until

OFFICER = Actor(role=Role.OFFICER, id="zhou")


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # once a process; the other tests do not look
    yield exporter
    provider.shutdown()


async def test_command_event_and_reaction_are_one_trace(
    spans: InMemorySpanExporter, database_url: str, nats_url: str
) -> None:
    settings = Settings.model_validate({"database_url": database_url, "nats_url": nats_url})
    connection = await nats.connect(nats_url)
    client, till = Client(connection), new_id()
    async with TILLS.running(settings) as tills, bells(Clapper()).running(settings) as bell:
        await client.send("till", PutMoney(till_id=till, amount=500), Envelope.fresh(OFFICER, "330503"))
        with trace.get_tracer("test").start_as_current_span("an officer at the counter") as counter:
            story = Envelope.fresh(OFFICER, "330503")
            await client.send("till", TakeMoney(till_id=till, amount=100), story)
        await until(bell.store.head)
        (_, taken) = await tills.store.stream(f"till-{till}")
        (rung,) = await bell.store.stream(f"bell-{till}")

    mine = {span.name: span for span in spans.get_finished_spans() if span.context and _same(span, counter)}
    assert mine.keys() >= {"an officer at the counter", "TakeMoney", "bell-on-till MoneyTaken", "RingBell"}
    reaction, ring = mine["bell-on-till MoneyTaken"], mine["RingBell"]
    assert reaction.parent is not None
    assert ring.parent is not None
    assert mine["TakeMoney"].context is not None
    assert reaction.parent.span_id == mine["TakeMoney"].context.span_id
    assert ring.parent.span_id == reaction.context.span_id if reaction.context else False
    assert taken.meta.causation == story.id
    assert rung.meta.correlation == taken.meta.correlation == story.correlation
    assert rung.meta.cause == taken.id
    await connection.close()


class Collector(BaseHTTPRequestHandler):
    """Takes traces as an OpenTelemetry collector does, over HTTP."""

    taken: ClassVar[list[tuple[str, ExportTraceServiceRequest]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.end_headers()


def test_traces_go_to_the_endpoint_that_is_named_before_the_process_ends() -> None:
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
        program = (
            "from opentelemetry.trace import SpanKind; from shared.runtime import tracing\n"
            f"tracing.configure('loan', {endpoint!r})\n"
            "with tracing.span('EndorseLoan', SpanKind.SERVER, None, command='0198'): pass"
        )
        subprocess.run([sys.executable, "-c", program], check=True)
        server.shutdown()
    ((path, request),) = Collector.taken
    (resource,) = request.resource_spans
    assert path == "/v1/traces"
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "loan"
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["EndorseLoan"]


def _same(span: object, counter: trace.Span) -> bool:
    context = getattr(span, "context", None)
    return context is not None and context.trace_id == counter.get_span_context().trace_id
