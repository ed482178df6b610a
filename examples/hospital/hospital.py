"""A hospital's end of one-stop settlement (一站式结算), in one file: quote at discharge, confirm, cancel.

    python hospital.py quote JS20261124001 --card 330783… --admitted 2026-11-10 --discharged 2026-11-24 \\
        --total 9000.00 --insurance 6000.00 --invoice 330700000001 --diagnosis 急性阑尾炎 --authorisation 授权书-1
    python hospital.py confirm JS20261124001
    python hospital.py cancel JS20261124001
    python hospital.py show JS20261124001

The settlement number is the hospital's own. Whatever is sent again under it changes nothing, so each command may be
repeated until there is an answer. It needs Python 3.12 and nats-py (`pip install "nats-py[nkeys]"`).
"""

import argparse
import asyncio
import json
import ssl
import sys
from contextlib import suppress
from typing import Any
from uuid import uuid4

import nats
import nats.errors
from nats.aio.client import Client

PATIENCE = 30
"""Times that a call is tried; the patient stands at the desk."""
PAUSE = 1.0
REFUSED = 2


async def call(client: Client, subject: str, body: dict[str, Any], **headers: str) -> tuple[str, Any]:
    """`accepted`, `answered` or `refused`, and what is replied."""
    headers["command-id"] = str(uuid4())
    for _ in range(PATIENCE):
        with suppress(nats.errors.Error, TimeoutError):
            reply = await client.request(subject, json.dumps(body).encode(), timeout=10, headers=headers)
            status, content = (reply.headers or {}).get("status", "away"), json.loads(reply.data)
            if status != "away" and content.get("code") != "busy":
                return status, content
        await asyncio.sleep(PAUSE)
    sys.exit("the union does not answer; what was sent may be sent again")


def quoted(options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The command, and what it says beside the settlement's number."""
    who = {"member_id": options.member} if options.member else {"id_number": options.card}
    bill = {"invoices": options.invoice, "total": options.total, "insurance_paid": options.insurance}
    fields = {
        **who,
        "care": options.care,
        "admitted_on": options.admitted,
        "discharged_on": options.discharged,
        "bill": bill,
        "diagnosis": options.diagnosis,
        "authorisation": options.authorisation,
    }
    return "QuoteSettlement" if options.member else "QuoteForPatient", fields


async def act(options: argparse.Namespace) -> int:
    """0 where it was accepted or answered, 2 where it was refused."""
    match options.command:
        case "quote":
            name, fields = quoted(options)
        case "confirm":
            name, fields = "ConfirmSettlement", {}
        case "cancel":
            name, fields = "CancelSettlement", {}
        case _:
            name, fields = "", {}
    client = await connect(options)
    settlement = {"hospital": options.hospital, "settlement_number": options.number}
    after: dict[str, str] = {}
    if name:
        status, content = await call(client, f"cmd.{options.federation}.aid.{name}", settlement | fields)
        if status == "refused":
            return refused(content)
        after = {"after": str(content["position"])}
    status, content = await call(client, f"qry.{options.federation}.aid.ShowSettlement", settlement, **after)
    await client.close()
    if status == "refused":
        return refused(content)
    print(json.dumps(content, ensure_ascii=False))
    return 0


def refused(content: dict[str, Any]) -> int:
    """The rule's clause, and words for a person."""
    print(f"{content['code']} ({content['clause']}): {content['message']}", file=sys.stderr)
    return REFUSED


async def connect(options: argparse.Namespace) -> Client:
    async def note(error: Exception) -> None:
        print(f"nats: {error}", file=sys.stderr)

    sign_in: dict[str, Any] = {"user_credentials": options.creds} if options.creds else {"nkeys_seed": options.nkey}
    if options.ca:
        sign_in["tls"] = ssl.create_default_context(cafile=options.ca)
    return await nats.connect(options.server, error_cb=note, **sign_in)


def main() -> None:
    wire = argparse.ArgumentParser(add_help=False)
    wire.add_argument("number", help="of the settlement, the hospital's own")
    wire.add_argument("--server", default="nats://127.0.0.1:4222")
    wire.add_argument("--hospital", default="dyrmyy", help="this hospital's code at the union")
    wire.add_argument("--federation", default="330783", help="of the county that it settles with")
    wire.add_argument("--creds", help="niangjia.creds, as the union gave it")
    wire.add_argument("--ca", help="ca.pem, as the union gave it")
    wire.add_argument("--nkey", help="hospital-….nk of an embedded stack, in place of creds")
    parser = argparse.ArgumentParser(description="A hospital's end of one-stop settlement.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("confirm", "the patient has left"), ("cancel", "take it back"), ("show", "where it stands")):
        commands.add_parser(name, parents=[wire], help=does)
    quote = commands.add_parser("quote", parents=[wire], help="what does the fund pay?")
    patient = quote.add_mutually_exclusive_group(required=True)
    patient.add_argument("--card", help="identity number; the patient's consent must be on record")
    patient.add_argument("--member", help="id of the member's card")
    for name in ("admitted", "discharged", "total", "insurance", "diagnosis", "authorisation"):
        quote.add_argument(f"--{name}", required=True)
    quote.add_argument("--invoice", action="append", required=True)
    quote.add_argument("--care", default="inpatient", choices=["inpatient", "special_outpatient", "outpatient"])
    sys.exit(asyncio.run(act(parser.parse_args())))


if __name__ == "__main__":
    main()
