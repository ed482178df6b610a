"""A local SMTP server: it takes any mail, on 127.0.0.1 alone, and keeps it in a folder to be read.

`python -m deploy.local.mailbox --port 2525 --dir .niangjia/mail`

It answers 250 when the message is on disk. A message whose `Message-ID` it has is answered with 250 too, and not kept
again; `X-ONCE` in its greeting tells senders so.
"""

import argparse
import asyncio
import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail_folder import MailFolder
from deploy.local.ports import LOOPBACK
from deploy.local.sinks import MailboxServer


class Postman:
    """What the SMTP server does with what it is told."""

    def __init__(self, mail: MailFolder) -> None:
        self._mail = mail
        self._turn = asyncio.Lock()

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-X-ONCE", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content, sender = envelope.content, envelope.mail_from or ""
        assert isinstance(content, bytes)
        async with self._turn:
            new = await asyncio.to_thread(self._mail.keep, content, sender, envelope.rcpt_tos, datetime.now(UTC))
        return "250 2.0.0 taken" if new else "250 2.0.0 taken before"

    async def handle_exception(self, error: Exception) -> str:
        logging.getLogger(__name__).error("a message could not be kept", exc_info=error)
        return "451 4.3.0 could not be kept"


async def serve(port: int, folder: Path) -> None:
    """Until SIGTERM or SIGINT. Raises FolderBusy and OSError."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mail = MailFolder(folder)
    postman = Postman(mail)

    def connection() -> Any:
        return SMTP(postman, hostname="mailbox.local", ident="niangjia mailbox", enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(connection, LOOPBACK, port)
    print(f"{MailboxServer.ready_line} on {LOOPBACK}:{port}: {len(mail)} messages in {folder}", flush=True)
    await stop.wait()
    server.close()
    mail.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mailbox", description="A local SMTP server.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="where messages are kept")
    options = parser.parse_args()
    os.umask(0o077)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it would tell of sessions and addresses
    asyncio.run(serve(options.port, options.dir))


if __name__ == "__main__":
    main()
