"""What outsiders build on: current, well formed, and true of what is sent and taken."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

import shared.schemas
from deploy.nats.contract import CONTRACTS, files
from deploy.nats.parties import Bank, Hospital
from shared.schemas.ids import new_id
from shared.schemas.loan import AcceptLoan, ApplicationId

GOLDEN = Path(shared.schemas.__file__).with_name("golden")
DOCUMENTS = sorted(CONTRACTS.glob("*.asyncapi.json"))
SCHEMAS = sorted(CONTRACTS.glob("schemas/*.json"))
ASYNCAPI = Path(__file__).with_name("asyncapi-3.0.0.schema.json")
"""As published by the AsyncAPI initiative (npm @asyncapi/specs 6.11.1), Apache-2.0."""


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(read(CONTRACTS / f"schemas/{name}.json"))


def test_the_contracts_are_current() -> None:
    written = {path: path.read_text("utf-8") for path in (*DOCUMENTS, *SCHEMAS)}
    assert written == files(), "python -m deploy.nats.contract"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_is_asyncapi_3(path: Path) -> None:
    errors = list(Draft7Validator(read(ASYNCAPI)).iter_errors(read(path)))
    assert [f"{list(error.absolute_path)}: {error.message[:200]}" for error in errors] == []


def test_what_is_no_asyncapi_is_found_out() -> None:
    broken = {**read(DOCUMENTS[0]), "operations": {"hear": {"action": "listen"}}}
    assert not Draft7Validator(read(ASYNCAPI)).is_valid(broken)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_reference_leads_somewhere(path: Path) -> None:
    document = read(path)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', path.read_text("utf-8"))):
        part = document
        for name in reference.split("/"):
            part = part[name]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(read(path))


@pytest.mark.parametrize("event", Bank.events, ids=lambda event: event.__name__)
def test_an_event_as_it_was_recorded_is_of_its_published_schema(event: type) -> None:
    for example in GOLDEN.glob(f"loan/{event.__name__}.[0-9].json"):
        schema(example.stem).validate(read(example))


def test_a_document_has_every_event_and_every_call() -> None:
    operations = set(read(CONTRACTS / "bank.asyncapi.json")["operations"])
    calls = {f"call{kind.__name__}" for _, kind in Bank.commands} | {f"call{kind.__name__}" for _, kind in Bank.queries}
    assert operations == {f"hear{event.__name__}" for event in Bank.events} | calls
    operations = set(read(CONTRACTS / "hospital.asyncapi.json")["operations"])
    assert operations == {f"call{kind.__name__}" for _, kind in Hospital.commands} | {
        f"call{kind.__name__}" for _, kind in Hospital.queries
    }


def test_a_command_is_judged_alike_by_schema_and_service() -> None:
    accept = AcceptLoan(application_id=ApplicationId(new_id()), limit=6_000_000, months=36, annual_percent="6.7925")
    body = json.loads(accept.model_dump_json())
    assert schema("AcceptLoan").is_valid(body)
    for wrong in ({"limit": "-1.00"}, {"limit": "0.00"}, {"limit": "1.234"}, {"months": 0}, {"more": "than asked"}):
        assert not schema("AcceptLoan").is_valid({**body, **wrong})
        with pytest.raises(ValueError, match="validation error"):
            AcceptLoan.model_validate_json(json.dumps({**body, **wrong}))


def test_no_event_that_a_bank_hears_names_a_person() -> None:
    """Name and number are told by ShowIdentity alone, which asks for the member's consent (个人信息保护法 第23条)."""
    assert [event.__name__ for event in Bank.events if event.personal_fields] == []


def test_a_contract_knows_no_sealed_form_of_a_person_s_datum() -> None:
    for path in (*DOCUMENTS, *SCHEMAS):
        assert "sealed" not in path.read_text("utf-8")
