"""A local SMS gateway: it takes any text message, on 127.0.0.1 alone, and keeps it in a folder to be read.

`python -m deploy.local.sms_sink --port 8025 --dir .niangjia/sms --mail .niangjia/mail`

| | |
| --- | --- |
| `POST /messages` | takes `out_id`, `to`, `text`, `template`, `at`; 201 once on disk, 200 for a repeated `out_id` |
| `GET /messages` | newest first; `?out_id=`, `?to=`, `?limit=` |
| `GET /mails` | what the mailbox beside it holds, newest first; `?to=`, `?limit=` |
| `GET /` | a page to read both |

Starlette for the routes: small and well kept, and the gateway for people will stand on it.
"""

import argparse
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.local.mail_folder import Mail, mails_in
from deploy.local.ports import LOOPBACK
from deploy.local.reading import POLICY, page
from deploy.local.sms_log import Message, Posted, SmsLog
from shared.schemas.ids import new_id

LARGEST = 16 * 1024
"""Bytes of a posted message."""

_mails_as_json = TypeAdapter(list[dict[str, Any]])


class Wanted(BaseModel):
    """What a listing is asked for."""

    out_id: UUID | None = None
    to: str | None = None
    q: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100

    @classmethod
    def of(cls, request: Request) -> "Wanted":
        return cls.model_validate(dict(request.query_params))


class Sink:
    def __init__(self, log: SmsLog, mail: Path | None) -> None:
        self._log = log
        self._mail = mail

    async def post(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Response(status_code=415)  # a form on a page of another site sends any other type unasked
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                return Response(status_code=413)
        posted = Posted.model_validate_json(bytes(body))
        message = Message(**posted.model_dump(), message_id=str(new_id()), received_at=datetime.now(UTC))
        kept = await self._log.keep(message)
        repeated = kept.message_id != message.message_id
        return JSONResponse({"message_id": kept.message_id, "repeated": repeated}, 200 if repeated else 201)

    async def messages(self, request: Request) -> Response:
        wanted = Wanted.of(request)
        if wanted.out_id is not None:
            found = self._log.find(wanted.out_id)
            chosen = [] if found is None else [found]
        else:
            matching = (sms for sms in self._log.newest_first() if wanted.to in {None, sms.to})
            chosen = list(islice(matching, wanted.limit))
        listed = [sms.model_dump(mode="json") | {"repeats": self._log.repeats[sms.out_id]} for sms in chosen]
        return JSONResponse({"messages": listed})

    async def mails(self, request: Request) -> Response:
        wanted = Wanted.of(request)
        matching = (mail for mail in self._mails() if wanted.to in {None, mail.to})
        chosen = [asdict(mail) for mail in islice(matching, wanted.limit)]
        return JSONResponse({"mails": _mails_as_json.dump_python(chosen, mode="json")})

    async def page(self, request: Request) -> Response:
        wanted = Wanted.of(request)
        html = page(self._log.newest_first(), self._mails(), wanted.q.strip(), wanted.limit)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})

    def _mails(self) -> Iterator[Mail]:
        return mails_in(self._mail) if self._mail else iter(())


async def not_understood(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return JSONResponse({"errors": error.errors(include_input=False, include_url=False, include_context=False)}, 422)


def application(folder: Path, mail: Path | None) -> Starlette:
    """Raises FolderBusy when another process keeps the folder."""
    log = SmsLog(folder)
    sink = Sink(log, mail)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        log.close()

    return Starlette(
        routes=[
            Route("/", sink.page),
            Route("/messages", sink.messages),
            Route("/messages", sink.post, methods=["POST"]),
            Route("/mails", sink.mails),
        ],
        # A site elsewhere whose name was made to point here must not read people's messages.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])],
        exception_handlers={ValidationError: not_understood},
        lifespan=lifespan,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.sms_sink", description="A local SMS gateway.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="where messages are kept")
    parser.add_argument("--mail", type=Path, help="the local mailbox's folder, to be read on the same page")
    options = parser.parse_args()
    os.umask(0o077)
    uvicorn.run(
        application(options.dir, options.mail),
        host=LOOPBACK,
        port=options.port,
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
