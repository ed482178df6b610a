"""What outsiders build on: JSON Schemas of all that they hear and say, and an AsyncAPI 3 document for each kind.

`python -m deploy.nats.contract` writes both under `docs/contracts`; a test holds that they are current.
"""

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import shared.schemas
from deploy.nats.parties import CONSUMER, Bank, Hospital, Party
from deploy.nats.streams import ACK_WAIT
from shared.schemas.messages import Accepted, Command, Event, Query, Refusal

__all__ = ["CLOUD_EVENT", "CONTRACTS", "asyncapi", "files", "schema_of"]

CONTRACTS: Final = Path(__file__).parents[2] / "docs/contracts"
GOLDEN: Final = Path(shared.schemas.__file__).with_name("golden")
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

type Json = dict[str, Any]
type Mode = Literal["validation", "serialization"]
type Kind = type[Command] | type[Query[Any]]


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


CLOUD_EVENT: Final[Json] = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary mode: attributes as headers. Values outside of visible ASCII are"
    " percent-encoded.",
    "properties": {
        "ce-specversion": _text("of CloudEvents", const="1.0"),
        "ce-id": _text("of the event: hearing it twice is hearing the same", format="uuid"),
        "ce-source": _text("niangjia/<programme>"),
        "ce-type": _text("the last name in the subject before the addressee"),
        "ce-subject": _text("the stream of the application or line that it belongs to, such as line-0198…"),
        "ce-time": _text("when it happened, UTC", format="date-time"),
        "ce-federation": _text("division code (GB/T 2260) of the federation", pattern=r"^\d{6}$"),
        "ce-correlation": _text("of the whole story it belongs to", format="uuid"),
        "ce-causation": _text("id of the command that it follows from", format="uuid"),
        "ce-position": _text("in the programme's log: it grows, with gaps where others were told", pattern=r"^\d+$"),
        "ce-version": _text("of ce-subject after it", pattern=r"^\d+$"),
        "ce-schema": _text("number of the body's schema: a new one is announced before it is sent", pattern=r"^\d+$"),
        "ce-actor": _text("who caused it, role:id"),
        "content-type": _text("of the body", const="application/json"),
    },
    "required": ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-federation"],
}
CALL: Final[Json] = {
    "type": "object",
    "properties": {
        "command-id": _text(
            "chosen by the caller, for good: the same command sent again under it is answered and changes nothing",
            format="uuid",
        ),
    },
    "required": ["command-id"],
}


def files(folder: Path = CONTRACTS) -> dict[Path, str]:
    """Every file of the contracts, with its text."""
    texts = {folder / "schemas/CloudEvent.json": {"$schema": DRAFT, "title": "CloudEvent", **CLOUD_EVENT}}
    for party in (Bank, Hospital):
        texts[folder / f"{party.role}.asyncapi.json"] = asyncapi(party)
        for name, model, mode in _models(party):
            texts[folder / f"schemas/{name}.json"] = schema_of(model, mode)
        for event in _events(party):
            texts |= {folder / f"schemas/{name}.json": schema for name, schema in _former(event)}
    return {path: json.dumps(text, indent=2, ensure_ascii=False) + "\n" for path, text in sorted(texts.items())}


def schema_of(model: type[BaseModel], mode: Mode) -> Json:
    """One message's JSON Schema, standing alone."""
    schema: Json = _without_sealed(model.model_json_schema(mode=mode))
    return {"$schema": DRAFT, **schema}


def _former(event: type[Event]) -> Iterator[tuple[str, Json]]:
    """Schemas that the event had before stay as they were published: a bank's stream may hold what is of them."""
    for number in range(1, event.schema_version):
        name = f"{event.__name__}.{number}"
        yield name, json.loads((CONTRACTS / f"schemas/{name}.json").read_text("utf-8"))


def _models(party: type[Party]) -> Iterator[tuple[str, type[BaseModel], Mode]]:
    """Each message's name, class, and whether we read it (validation) or write it."""
    for event in _events(party):
        yield f"{event.__name__}.{event.schema_version}", event, "serialization"
    for _, command in party.commands:
        yield command.__name__, command, "validation"
    for _, query in party.queries:
        yield query.__name__, query, "validation"
        answer = query.answer_type()
        yield answer.__name__, answer, "serialization"
    yield "Accepted", Accepted, "serialization"
    yield "Refusal", Refusal, "serialization"


def _events(party: type[Party]) -> tuple[type[Event], ...]:
    return party.events if issubclass(party, Bank) else ()


def _calls(party: type[Party]) -> list[tuple[str, Kind]]:
    """With the programme that takes each."""
    return [*party.commands, *party.queries]


def asyncapi(party: type[Party]) -> Json:
    """As seen by the outsider: it receives events and sends commands and queries, each of which is replied to."""
    about = _ABOUT[party.role]
    calls = _calls(party)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": about["title"],
            "version": "1.0.0",
            "description": about["description"],
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"union": _server()},
        "channels": {
            **{event.__name__: _event_channel(event) for event in _events(party)},
            **{kind.__name__: _call_channel(programme, kind) for programme, kind in calls},
            "replies": {
                "address": None,
                "description": "The reply subject of each request.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _replies(party)},
            },
        },
        "operations": {
            **{f"hear{event.__name__}": _hear(event) for event in _events(party)},
            **{f"call{kind.__name__}": _call(kind) for _, kind in calls},
        },
        "components": {
            "messages": dict(_messages(party)),
            "schemas": {**_schemas(party), "CloudEvent": CLOUD_EVENT, "Call": CALL, "Status": _status(party)},
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "creds": {
                    "type": "asymmetricEncryption",
                    "description": "niangjia.creds: a signed token (JWT) and the key that it was made for.",
                }
            },
        },
    }


_ABOUT: Final[Mapping[str, Mapping[str, str]]] = {
    "bank": {
        "title": "娘家: a partner bank",
        "description": "What the craftsman loan (匠心贷) tells a bank, and how the bank answers. Read with"
        " docs/partner-bank.md. Events come by the JetStream consumer that is named at each channel, one at a time and"
        " in order; calls are NATS requests. Money is a CNY string with two places; dates are China's.",
    },
    "hospital": {
        "title": "娘家: a hospital",
        "description": "One-stop settlement (一站式结算) of mutual medical aid at discharge: quote, confirm, cancel."
        " Read with docs/hospitals.md. Calls are NATS requests. Money is a CNY string with two places; dates are"
        " China's.",
    },
}

_PARAMETERS: Final[Json] = {
    "federation": {"description": "Division code (GB/T 2260) of the federation, such as 330503."},
    "party": {"description": "The code of whom it is addressed to, such as nxbank."},
}


def _server() -> Json:
    return {
        "host": "{host}:4222",
        "protocol": "nats",
        "description": "TLS; the union gives ca.pem with the credentials.",
        "variables": {"host": {"default": "localhost", "description": "as the union names it"}},
        "security": [{"$ref": "#/components/securitySchemes/creds"}],
    }


def _event_channel(event: type[Event]) -> Json:
    return {
        "address": f"evt.{{federation}}.loan.{event.__name__}.{{party}}",
        "description": _doc(event),
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS},
        "x-jetstream": {
            "domain": "union",
            "stream": "BANK_<CODE>",
            "consumer": CONSUMER,
            "ack": "explicit",
            "ack-wait-seconds": ACK_WAIT,
            "max-ack-pending": 1,
        },
    }


def _call_channel(programme: str, kind: Kind) -> Json:
    verb = "cmd" if issubclass(kind, Command) else "qry"
    return {
        "address": f"{verb}.{{federation}}.{programme}.{kind.__name__}",
        "description": _doc(kind),
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"}},
        "parameters": {"federation": {"$ref": "#/components/parameters/federation"}},
    }


def _hear(event: type[Event]) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{event.__name__}"},
        "messages": [{"$ref": f"#/channels/{event.__name__}/messages/{event.__name__}"}],
    }


def _call(kind: Kind) -> Json:
    given = "Accepted" if issubclass(kind, Command) else kind.answer_type().__name__
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{kind.__name__}"},
        "messages": [{"$ref": f"#/channels/{kind.__name__}/messages/{kind.__name__}"}],
        "reply": {
            "channel": {"$ref": "#/channels/replies"},
            "messages": [{"$ref": f"#/channels/replies/messages/{name}"} for name in (given, "Refusal", "Away")],
        },
    }


def _replies(party: type[Party]) -> list[str]:
    return ["Accepted", *(query.answer_type().__name__ for _, query in party.queries), "Refusal", "Away"]


def _status(party: type[Party]) -> Json:
    status = _text(
        "accepted; answered; refused: by a rule, and the body says which; away: call again, under the same command-id",
        enum=["accepted", *(["answered"] if party.queries else []), "refused", "away"],
    )
    return {"type": "object", "properties": {"status": status}, "required": ["status"]}


def _messages(party: type[Party]) -> Iterator[tuple[str, Json]]:
    for event in _events(party):
        example = json.loads((GOLDEN / f"loan/{event.__name__}.{event.schema_version}.json").read_text("utf-8"))
        yield event.__name__, _message(event.__name__, _doc(event), "CloudEvent", example)
    for _, kind in _calls(party):
        yield kind.__name__, _message(kind.__name__, _doc(kind), "Call")
    for _, query in party.queries:
        answer = query.answer_type()
        yield answer.__name__, _message(answer.__name__, _doc(answer), "Status")
    yield "Accepted", _message("Accepted", _doc(Accepted), "Status")
    yield "Refusal", _message("Refusal", _doc(Refusal), "Status")
    away = {"name": "Away", "summary": "Nothing was decided: call again.", "payload": {"type": "object"}}
    yield "Away", {**away, "headers": {"$ref": "#/components/schemas/Status"}}


def _message(name: str, summary: str, headers: str, example: Json | None = None) -> Json:
    return {
        "name": name,
        "summary": summary,
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"$ref": f"#/components/schemas/{name}"},
        **({"examples": [{"payload": example}]} if example is not None else {}),
    }


def _schemas(party: type[Party]) -> Json:
    models = {(model, mode) for _, model, mode in _models(party)}
    ordered = sorted(models, key=lambda one: (one[0].__name__, one[1]))
    _, schemas = models_json_schema(ordered, ref_template="#/components/schemas/{model}")
    found: Json = _without_sealed(schemas["$defs"])
    return found


def _without_sealed(schema: Any) -> Any:
    """A person's datum is in clear between the union and whoever may have it; its sealed form stays in the house."""
    match schema:
        case {"anyOf": list(forms), **rest} if any(_is_sealed(form) for form in forms):
            clear = [form for form in forms if not _is_sealed(form)]
            return _without_sealed({**rest, **(clear[0] if len(clear) == 1 else {"anyOf": clear})})
        case dict():
            return {name: _without_sealed(part) for name, part in schema.items()}
        case list():
            return [_without_sealed(part) for part in schema]
    return schema


def _is_sealed(form: Any) -> bool:
    return isinstance(form, dict) and list(form.get("properties", {})) == ["sealed"]


def _doc(kind: type[BaseModel]) -> str:
    return " ".join(inspect.cleandoc(kind.__dict__.get("__doc__") or kind.__name__).split())


def write(folder: Path = CONTRACTS) -> None:
    for path, text in files(folder).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
