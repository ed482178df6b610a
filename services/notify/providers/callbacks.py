"""The door at which providers report what became of messages, and what people wrote back.

`GET` or `POST /callbacks/<provider>/<key>`: vendors sign no reports, so whoever knows the key is believed. It answers
404 to others, 400 to what is no report, and 503 where a report could not be kept, upon which providers call again. It
is for one's own network: what stands before it towards the vendors speaks TLS, and writes no paths into its log.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Final
from urllib.parse import parse_qsl

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, HttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.notify.channels import Call, CalledBack, Hear, NotUnderstood
from shared.runtime.logs import log

__all__ = ["CallbackSettings", "callbacks", "serving_callbacks"]

LARGEST: Final = 1024 * 1024
"""Bytes of a report: Aliyun sends hundreds at a time, and a bounced mail comes whole."""

_log = log(__name__)


class CallbackSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    url: HttpUrl
    """What providers know it by, without `/callbacks`."""

    def path_of(self, name: str, key: str) -> str:
        return f"{str(self.url).rstrip('/')}/callbacks/{name}/{key}"


def callbacks(providers: Iterable[object], hear: Hear) -> Starlette:
    """The door for those providers that call back."""
    known = {each.name: each for each in providers if isinstance(each, CalledBack) and each.callback_key}

    async def called(request: Request) -> Response:
        provider = known.get(request.path_params["name"])
        if provider is None or not _is_key(request.path_params["key"], provider):
            return Response(status_code=404)
        if (body := await _body(request)) is None:
            return Response(status_code=413)
        query = parse_qsl(request.url.query, keep_blank_values=True, errors="surrogateescape")
        call = Call(dict(query), request.headers.get("content-type", ""), body)
        try:
            return await provider.called(call, hear)
        except NotUnderstood as error:
            _log.warning("a report is not understood", provider=provider.name, because=str(error))
            return Response(status_code=400)
        except Exception as error:
            _log.error("a report is not kept", provider=provider.name, error=type(error).__name__)
            return Response(status_code=503)

    return Starlette(routes=[Route("/callbacks/{name}/{key}", called, methods=["GET", "POST"])])


@asynccontextmanager
async def serving_callbacks(settings: CallbackSettings, providers: Iterable[object], hear: Hear) -> AsyncIterator[None]:
    config = uvicorn.Config(
        callbacks(providers, hear),
        host=settings.host,
        port=settings.port,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(), name="callbacks")
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the service stops its parts in its own order


def _is_key(given: str, provider: CalledBack) -> bool:
    assert provider.callback_key is not None
    return hmac.compare_digest(given.encode(), provider.callback_key.encode())


async def _body(request: Request) -> bytes | None:
    """None where it is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return bytes(body)
