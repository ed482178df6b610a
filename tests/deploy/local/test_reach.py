"""What the command line says where the broker does not answer."""

import os
import signal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.local.cli import app
from deploy.local.nats import FAST, NatsServer
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.reach import connection
from deploy.local.terminal import NO_ANSWER


def test_nobody_listens_where_the_broker_should_be() -> None:
    result = CliRunner(env={"NATS_URL": f"nats://{LOOPBACK}:{free_port()}"}).invoke(app, ["streams"])
    assert result.exit_code == NO_ANSWER
    assert "the broker does not answer" in result.stderr


async def test_a_broker_that_falls_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def asked() -> None:
        async with connection() as broker:
            os.kill(server.pid, signal.SIGSTOP)
            try:
                await broker.jetstream(timeout=0.2).streams_info()
            finally:
                os.kill(server.pid, signal.SIGCONT)

    with NatsServer(tmp_path / "nats", free_port(), sync_interval=FAST) as server:
        monkeypatch.setenv("NATS_URL", server.url())
        with pytest.raises(typer.Exit) as ended:
            await asked()
    assert ended.value.exit_code == NO_ANSWER
    assert "the broker did not answer (TimeoutError): ask again in a moment" in capsys.readouterr().err
