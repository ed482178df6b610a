"""Traces: a command, the events it caused, and what those caused elsewhere, as one trace.

The W3C `traceparent` of a command is kept in its events' meta and travels in their headers.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode

__all__ = ["configure", "span", "traceparent"]

HEADER: Final = "traceparent"
_tracer = trace.get_tracer("niangjia")
_NOTHING: Final = nullcontext(trace.INVALID_SPAN)


def configure(service: str, endpoint: str | None) -> None:
    """Send traces to an OTLP endpoint (HTTP); without one, none are made."""
    if endpoint is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)


def span(name: str, kind: SpanKind, parent: str | None, **attributes: str | int) -> AbstractContextManager[Span]:
    """A span under the `traceparent` of a message. Attributes are ids and names, never content.

    Where nobody traces and nobody did before, nothing is made: that would be a tenth of what a command takes.
    """
    if parent is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return _NOTHING
    return _made(name, kind, parent, attributes)


@contextmanager
def _made(name: str, kind: SpanKind, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[Span]:
    context = extract({HEADER: parent}) if parent else None
    with _tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traceparent() -> str | None:
    """Of the present span; None where nothing is traced."""
    if trace.get_current_span() is trace.INVALID_SPAN:
        return None
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get(HEADER)


def of(headers: Mapping[str, str] | None) -> str | None:
    return (headers or {}).get(HEADER)
