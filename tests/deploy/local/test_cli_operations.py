"""What operations look at and put right, on the command line of a running system."""

import json
import re
import sys
from pathlib import Path
from uuid import NAMESPACE_OID

import httpx
import nats
import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from deploy.local.cli import app
from deploy.local.figures import Figures, Lag
from deploy.local.home import Home, Run
from shared.schemas.ids import derived_id
from tests.deploy.local import tiny_registry
from tests.deploy.local.command_line import Niangjia, answered, away, code, register
from tests.waiting import until

PARTS = ["postgres", "nats", "mail", "sms", "registry"]


@pytest.fixture
def run(home: Path) -> Run:
    run = Home(home).run()
    assert run is not None
    return run


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "services.registry.service", tiny_registry)


# status


def test_status_shows_every_part_how_each_service_keeps_up_and_no_password(niangjia: Niangjia, run: Run) -> None:
    register(niangjia, code(20))
    shown = niangjia("status", "--once")
    assert shown.exit_code == 0, shown.output
    for name in PARTS:
        assert re.search(rf"{name} +\d+ .*ready", shown.stdout), shown.stdout
    assert re.search(r"registry +[\d,]+ +\d", shown.stdout)
    for url in (run.database_url, run.nats_url):
        password = url.partition("://")[2].partition("@")[0].partition(":")[2]
        assert password not in shown.stdout


def test_status_for_machines_has_the_lag_of_each_follower(niangjia: Niangjia) -> None:
    status = answered(niangjia("status", "-o", "json"))
    assert {part["name"]: part["missing"] for part in status["parts"]} == dict.fromkeys(PARTS, "")
    registry = status["services"]["registry"]
    assert {(lag["kind"], lag["follower"]) for lag in registry["lags"]} >= {
        ("relay", "relay"),
        ("view", "federations"),
        ("seal", "seal"),
    }
    assert registry["position"] >= 0
    assert registry["commands_per_second"] == 0


def test_services_elsewhere_are_named_by_their_addresses(run: Run, tmp_path: Path) -> None:
    place = run.place("registry")
    assert place is not None
    address = place.health.removesuffix("/health/ready")
    environment = {"NIANGJIA_HOME": str(tmp_path), "NIANGJIA_SERVICES": f"registry={address} loan=http://127.0.0.1:1"}
    result = CliRunner().invoke(app, ["status", "-o", "json"], env=environment)
    assert result.exit_code == 1
    assert list(json.loads(result.stdout)["services"]) == ["registry"]


def test_rates_and_quantiles_are_of_what_came_between_two_looks() -> None:
    def at(moment: float, accepted: int, refused: int, buckets: tuple[int, int, int]) -> Figures:
        text = (
            f'niangjia_commands_total{{programme="loan",command="A",outcome="accepted"}} {accepted}\n'
            f'niangjia_commands_total{{programme="loan",command="B",outcome="busy"}} {refused}\n'
            f'niangjia_lag_events{{programme="loan",kind="view",follower="lines"}} 7\n'
            f'niangjia_lag_seconds{{programme="loan",kind="view",follower="lines"}} 2.5\n'
        )
        for le, count in zip(("0.01", "0.1", "+Inf"), buckets, strict=True):
            text += f'niangjia_command_seconds_bucket{{programme="loan",command="A",le="{le}"}} {count}\n'
        samples = tuple(sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return Figures(moment, samples)

    was, now = at(10.0, 100, 5, (100, 100, 100)), at(12.0, 120, 9, (110, 200, 200))
    figures = Figures(now.at, now.samples, was)
    assert figures.rate("niangjia_commands_total") == 12.0
    assert figures.rate("niangjia_commands_total", outcome="busy") == 2.0
    assert was.rate("niangjia_commands_total") is None
    assert figures.quantile("niangjia_command_seconds", 0.05) == 0.01
    assert figures.quantile("niangjia_command_seconds", 0.99) == 0.1
    assert figures.lags() == [Lag("view", "lines", 7, 2.5)]


def test_sizes_are_told_of_log_read_models_and_stream(niangjia: Niangjia) -> None:
    register(niangjia, code(25))
    (registry,) = [one for one in answered(niangjia("sizes", "-o", "json")) if one["service"] == "registry"]
    assert registry["events"] > 0
    assert min(registry["log"], registry["others"], registry["stream"], registry["per_event"]) > 0
    assert re.search(r"registry +\d+ +\d", niangjia("sizes").stdout)


# as-of


def test_a_stream_as_it_was_and_why(niangjia: Niangjia) -> None:
    sent = answered(register(niangjia, code(21), "-o", "json"))
    stream = f"federation-{derived_id(NAMESPACE_OID, code(21))}"
    assert sent["stream"] == stream
    shown = niangjia("as-of", "now", stream)
    assert shown.exit_code == 0, shown.output
    assert re.search(rf"{stream} of registry, version 1, since position {sent['position']}", shown.stdout)
    assert re.search(r"FederationRegistered .* by operator:cli", shown.stdout)
    assert "南浔区总工会" in shown.stdout
    told = answered(niangjia("as-of", str(sent["position"]), stream, "-o", "json"))
    assert [event["type"] for event in told["events"]] == ["FederationRegistered"]
    assert told["state"] is not None
    earlier = niangjia("as-of", str(sent["position"] - 1), stream)
    assert earlier.exit_code == 1
    assert "was not there yet" in earlier.stderr
    assert "was not there yet" in niangjia("as-of", "2019-07-01", stream).stderr
    assert "no service has a stream" in niangjia("as-of", "now", "line-1").stderr
    assert "is no position and no instant" in niangjia("as-of", "lately", stream).stderr


# replay


async def test_a_consumer_hears_events_again_from_a_position(niangjia: Niangjia, run: Run) -> None:
    await away(niangjia, *sending(22))
    await away(niangjia, *sending(23))
    connection = await nats.connect(run.nats_url)
    js = connection.jetstream()
    await hearing(js, "audit")
    audit = await js.pull_subscribe_bind("audit", "REGISTRY")
    head = (await js.stream_info("REGISTRY")).state.last_seq
    for message in await audit.fetch(head, timeout=5):
        await message.ack_sync()
    assert (
        "has heard no more than"
        in (await away(niangjia, "replay", "consumer", "registry", "audit", "--from", str(head + 1), "--yes")).stderr
    )
    assert "it has audit" in (await away(niangjia, "replay", "consumer", "registry", "other", "--from", "1")).stderr
    refused = await away(niangjia, "replay", "consumer", "registry", "audit", "--from", "1", given="n\n")
    assert refused.exit_code == 1

    done = await away(niangjia, "replay", "consumer", "registry", "audit", "--from", str(head), "--yes")
    assert done.exit_code == 0, done.output
    (again,) = await audit.fetch(1, timeout=5)
    assert again.metadata.sequence.stream == head
    await js.delete_consumer("REGISTRY", "audit")
    await connection.close()


async def test_a_stream_is_published_anew_from_the_log_and_its_consumers_go_on(niangjia: Niangjia, run: Run) -> None:
    await away(niangjia, *sending(24))
    connection = await nats.connect(run.nats_url)
    js = connection.jetstream()
    await hearing(js, "audit")
    audit = await js.pull_subscribe_bind("audit", "REGISTRY")
    head = (await js.stream_info("REGISTRY")).state.last_seq
    for message in (await audit.fetch(head, timeout=5))[:-1]:
        await message.ack_sync()

    done = await away(niangjia, "replay", "stream", "registry", "--yes")
    assert done.exit_code == 0, done.output
    assert f"registry: {head} events are published, 1 consumers go on" in done.stdout
    verified = await away(niangjia, "verify", "registry")
    assert f"{head} published alike" in verified.stdout
    (left,) = await audit.fetch(5, timeout=5)
    assert left.metadata.sequence.stream == head
    await js.delete_consumer("REGISTRY", "audit")
    await connection.close()

    async def ready() -> bool:
        place = run.place("registry")
        assert place is not None
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(place.health)).status_code == 200

    await until(ready, 30)


async def hearing(js: JetStreamContext, name: str) -> None:
    await js.add_consumer("REGISTRY", ConsumerConfig(durable_name=name, deliver_policy=DeliverPolicy.ALL))


def sending(number: int) -> tuple[str, ...]:
    named = ("--code", code(number), "--name", "南浔区总工会", "--level", "county")
    return ("send", "registry", "RegisterFederation", *named)
