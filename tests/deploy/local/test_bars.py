"""What is shown of something long where there is no terminal."""

import pytest

from deploy.local.bars import bars


def test_a_log_gets_a_line_now_and_then_and_one_at_each_end(capsys: pytest.CaptureFixture[str]) -> None:
    with bars() as stages:
        step = stages.steps("rosters", 1_806)
        for _ in range(1_806):
            step()
        stages.stage("claims")(7_107, 7_107)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["rosters: 1 of 1,806", "rosters: 1,806 of 1,806", "claims: 7,107 of 7,107"]
