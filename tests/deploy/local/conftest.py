"""A local system that runs for the tests of the command line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner, Result

from deploy.local import terminal
from deploy.local.cli import app
from tests.deploy.local.command_line import Niangjia

ROOT = Path(__file__).parents[3]
UP = """
import asyncio, pathlib, sys
from deploy.local.home import Home
from deploy.local.running import until_told
from deploy.local.system import LocalSystem, Programme
from shared.runtime.settings import ClockKind

registry = Programme("registry", (sys.executable, "-m", "tests.deploy.local.tiny_registry"))
home = Home(pathlib.Path(sys.argv[1]))
system = LocalSystem(home, programmes=[registry], clock=ClockKind.SETTABLE, durable=False)
sys.exit(asyncio.run(until_told(system)))
"""


@pytest.fixture(autouse=True)
def _a_wide_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables show every column whole, whatever terminal the tests are run in."""
    for console in (terminal.out, terminal.err):
        monkeypatch.setattr(console, "width", 200)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "home"
        process = subprocess.Popen(
            [sys.executable, "-c", UP, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "ready in" in line:
                break
        else:
            pytest.fail("".join(said))
        yield path
        process.terminate()
        process.communicate(timeout=30)
        assert process.returncode == 0


@pytest.fixture
def niangjia(home: Path) -> Niangjia:
    def run(*arguments: str, given: str | None = None) -> Result:
        environment = {"NIANGJIA_HOME": str(home), "COLUMNS": "100", "DATABASE_URL": None, "NATS_URL": None}
        return CliRunner().invoke(app, list(arguments), input=given, env=environment)

    return run
