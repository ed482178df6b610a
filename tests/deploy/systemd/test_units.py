"""The county under systemd, without containers."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.local.passes import service_of
from deploy.local.system import PROGRAMMES
from services.notify.providers.ways import VARIABLE as WAYS
from shared.runtime.settings import Settings

FOLDER: Final = Path(__file__).parents[3] / "deploy" / "systemd"
KEYS: Final = (FOLDER / "keys.conf").read_text(encoding="utf-8")
UNIT: Final = (FOLDER / "niangjia@.service").read_text(encoding="utf-8")
SETTINGS: Final = {name.upper() for name in Settings.model_fields}
OURS: Final = SETTINGS | {f"{name}_FILE" for name in SETTINGS} | {WAYS, "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
MOST_EXPOSURE: Final = 20
"""Of 100, as systemd-analyze counts."""


def environment(name: str) -> dict[str, str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_programme_is_wanted_and_has_settings_that_it_knows_and_a_port_of_its_own() -> None:
    names = [programme.name for programme in PROGRAMMES]
    target = (FOLDER / "niangjia.target").read_text(encoding="utf-8")
    assert re.findall(r"niangjia@(\w+)\.service", target) == names
    ports = {environment(f"{name}.env")["HTTP_PORT"] for name in names}
    assert len(ports) == len(names)
    for name in (*names, "niangjia"):
        assert environment(f"{name}.env").keys() <= OURS
    given = {
        pair.split("=")[0] for line in re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE) for pair in line.split()
    }
    assert given <= OURS


def test_secrets_are_handed_over_and_never_in_the_environment() -> None:
    for unit in (UNIT, KEYS):
        handed = set(re.findall(r"^LoadCredential=([\w.-]+):", unit, re.MULTILINE))
        assert handed == set(re.findall(r"=%d/([\w.-]+)", unit))
    keepers = [programme.name for programme in PROGRAMMES if service_of(programme.name).keeps_personal_data]
    assert f"for service in {' '.join(keepers)};" in KEYS
    assert "master.key" not in UNIT
    assert not {"DATABASE_URL", "MASTER_KEY"} & {key for file in FOLDER.glob("*.env") for key in environment(file.name)}


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with programs that this machine has, which is what systemd-analyze looks for."""
    for file in (*FOLDER.glob("*.service"), *FOLDER.glob("*.target"), *FOLDER.glob("*.timer")):
        text = re.sub(r"/opt/niangjia/\.venv/bin/\w+", "/bin/true", file.read_text(encoding="utf-8"))
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    (tmp_path / "niangjia@loan.service").write_text((tmp_path / "niangjia@.service").read_text())
    return tmp_path


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_takes_the_units(units: Path) -> None:
    names = ["niangjia@loan.service", "niangjia-backup.service", "niangjia-backup.timer", "niangjia.target"]
    done = analyze(units, "verify", "--man=no", *(str(units / name) for name in names))
    ours = [line for line in done.stderr.splitlines() if "niangjia" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
@pytest.mark.parametrize("name", ["niangjia@loan.service", "niangjia-backup.service"])
def test_units_expose_little(units: Path, name: str) -> None:
    done = analyze(units, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(units / name))
    assert done.returncode == 0, done.stdout[-2000:]


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
