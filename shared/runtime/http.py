"""Health, readiness and metrics of a service, over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from faststream.asgi import AsgiResponse
from prometheus_client import make_asgi_app
from pydantic_core import to_json

__all__ = ["serving"]

type Measure = Callable[[], Awaitable[None]]
type Missing = Callable[[], Awaitable[dict[str, str]]]
"""What keeps the service from being ready, by part; empty when it is."""

JSON = {"content-type": "application/json"}


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the service stops its parts in its own order


@asynccontextmanager
async def serving(host: str, port: int, missing: Missing, measure: Measure) -> AsyncIterator[None]:
    """`/health/live`: it answers. `/health/ready`: 200, or 503 with what is missing. `/metrics`: Prometheus."""
    server = _Server(
        uvicorn.Config(_app(missing, measure), host=host, port=port, lifespan="off", access_log=False, log_config=None)
    )
    task = asyncio.create_task(server.serve(), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _app(missing: Missing, measure: Measure) -> Any:
    metrics = make_asgi_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        match scope["path"]:
            case "/health/live":
                await AsgiResponse(b"{}", 200, JSON)(scope, receive, send)
            case "/health/ready":
                parts = await missing()
                await AsgiResponse(to_json(parts), 503 if parts else 200, JSON)(scope, receive, send)
            case "/metrics":
                await measure()
                await metrics({**scope, "path": "/"}, receive, send)
            case _:
                await AsgiResponse(b"", 404)(scope, receive, send)

    return app
