"""Whole services that sign in with tokens over TLS, and outsiders who call them."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from deploy.local.ports import LOOPBACK
from services.aid.service import service as aid
from services.loan.service import service as loan
from shared.runtime.service import Running, Service
from shared.schemas.aid import CancelSettlement
from shared.schemas.ids import new_id
from shared.schemas.loan import AcceptLoan, ApplicationId, PublishRates, RateBand, ShowApplication, ShowBankWork
from tests.deploy.nats.brokers import User, WithTokens, running, signed_in


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[WithTokens]:
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        yield broker


def running_service(service: Service, broker: WithTokens, database_url: str) -> Any:
    given = {
        "database_url": database_url,
        "nats_url": f"tls://{LOOPBACK}:{broker.server.port}",
        "nats_creds_file": broker.made.of(service.programme),
        "nats_ca_file": broker.made.server / "ca.pem",
        "master_key": b64encode(bytes(32)).decode(),
    }
    return service.running(service.settings.model_validate(given))


async def call(user: User, subject: str, message: BaseModel, **headers: str) -> tuple[str, dict[str, Any]]:
    """The reply's status, and its content."""
    body = type(message).__pydantic_serializer__.to_json(message, context={"clear": True})
    reply = await user.connection.request(subject, body, timeout=20, headers={"command-id": str(new_id()), **headers})
    return (reply.headers or {})["status"], json.loads(reply.data)


async def test_a_bank_is_itself_for_the_loan_service_whatever_its_headers_say(
    broker: WithTokens, database_url: str
) -> None:
    own = PublishRates(
        table="nxbank_own", version="2031-1", effective_from=date(2031, 1, 1), bands=(RateBand(annual_percent="5.9"),)
    )
    accept = AcceptLoan(application_id=ApplicationId(new_id()), limit=100, months=36, annual_percent="5")
    loan_running: Running
    async with (
        running_service(loan, broker, database_url) as loan_running,
        signed_in(broker, "bank-nxbank") as bank,
    ):
        status, reply = await call(bank, "cmd.330503.loan.AcceptLoan", accept, actor="officer:zhou")
        assert (status, reply["code"]) == ("refused", "unknown_application")
        status, _ = await call(bank, "cmd.330503.loan.PublishRates", own, actor="officer:zhou")
        assert status == "accepted"
        row = await loan_running.store.pool.fetchrow("select meta from loan.events")
        assert row is not None
        assert json.loads(row["meta"])["actor"] == "bank:nxbank"
        work = "qry.330503.loan.ShowBankWork"
        assert (await call(bank, work, ShowBankWork(bank="nxbank")))[0] == "answered"
        status, reply = await call(bank, work, ShowBankWork(bank="hzbank"), actor="bank:hzbank")
        assert (status, reply["code"]) == ("refused", "not_your_bank")
        show = ShowApplication(application_id=ApplicationId(new_id()))
        status, reply = await call(bank, "qry.330503.loan.ShowApplication", show)
        assert (status, reply["code"]) == ("refused", "unknown_application")


async def test_a_hospital_calls_aid_as_itself_and_for_no_other(broker: WithTokens, database_url: str) -> None:
    other = CancelSettlement(hospital="dyzyy", settlement_number="JS1")
    own = CancelSettlement(hospital="dyrmyy", settlement_number="JS1")
    async with running_service(aid, broker, database_url), signed_in(broker, "hospital-dyrmyy") as hospital:
        subject = "cmd.330783.aid.CancelSettlement"
        status, reply = await call(hospital, subject, other, actor="hospital:dyzyy")
        assert (status, reply["code"]) == ("refused", "not_your_hospital")
        status, reply = await call(hospital, subject, own)
        assert (status, reply["code"]) == ("refused", "unknown_settlement")
