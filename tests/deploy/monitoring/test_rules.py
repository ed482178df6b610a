"""Rules and dashboard name what services export, and alert when they should."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared.runtime import metrics

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = ROOT / "deploy" / "monitoring"
RULES: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
SUFFIXES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
OF_THE_SCRAPE: Final = {"job", "instance", "le"}
OTHERS: Final = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Of Prometheus itself, and of prometheus-client."""
WORDS: Final = {"by", "and", "or", "unless", "on", "ignoring", "bool", "without"}


def own() -> Iterator[MetricWrapperBase]:
    return (thing for thing in vars(metrics).values() if isinstance(thing, MetricWrapperBase))


def exported() -> dict[str, set[str]]:
    """The samples of `shared.runtime.metrics` by name, with their labels."""
    found: dict[str, set[str]] = {}
    for metric in own():
        (family,) = metric.describe()
        for suffix in SUFFIXES[family.type]:
            found[f"{family.name}{suffix}"] = set(metric._labelnames) | OF_THE_SCRAPE
    return found


def recorded() -> dict[str, set[str]]:
    """What the rules record, with the labels that their own names announce."""
    names = [rule["record"] for rule in RULES if "record" in rule]
    kinds = {"follower": {"programme", "kind", "follower"}}
    return {name: kinds.get(name.split(":")[0], set(name.split(":")[0].split("_"))) for name in names}


KNOWN: Final = exported() | recorded() | {name: set(OF_THE_SCRAPE) for name in OTHERS}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """The metrics that an expression reads, each with the labels that it asks of it."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    found = []
    for name, calls, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\s*(\()?(?:\{([^}]*)\})?", bare):
        if not calls and name not in WORDS and name not in ("e9",):
            found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))))
    return found


def groupings(expression: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in labels.split(",")}


def dashboard_expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    variables = re.findall(r"label_values\((\w+),", json.dumps(dashboard["templating"]))
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])] + variables


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *dashboard_expressions()])
def test_every_expression_reads_what_is_exported_by_labels_that_it_has(expression: str) -> None:
    read = selectors(expression)
    assert read
    for name, labels in read:
        assert name in KNOWN, f"nobody exports {name}"
        assert labels <= KNOWN[name], f"{name} has no label {labels - KNOWN[name]}"
    has = set.intersection(*(KNOWN[name] for name, _ in read))
    assert groupings(expression) <= has


def test_a_metric_that_nobody_exports_is_found_out() -> None:
    assert selectors('sum by (programme) (rate(niangjia_command_total{outcome="failed"}[5m])) > 0') == [
        ("niangjia_command_total", {"outcome"})
    ]
    assert "niangjia_command_total" not in KNOWN


def test_every_metric_is_told_by_some_service() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("shared", "services")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "metrics.py"
    )
    known = [name for name in metrics.__all__ if name.isupper()]
    assert not [name for name in known if f"{name}.labels(" not in source and f"labelled({name}, " not in source]


def test_labels_are_names_from_the_code_and_never_ids() -> None:
    labels = {label for metric in own() for label in metric._labelnames}
    assert labels == {
        "programme", "part", "command", "query", "outcome", "consumer", "follower", "kind", "state", "role",
        "channel", "provider",
    }  # fmt: skip


def test_every_alert_has_a_way_on_in_the_handbook() -> None:
    handbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", handbook, re.MULTILINE)
    }
    for rule in RULES:
        if "alert" in rule:
            page, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert (page, anchor in anchors) == ("docs/operations.md", True), rule["annotations"]["runbook"]


def test_every_alert_is_tried_by_a_unit_test() -> None:
    tried = (FOLDER / "rules_test.yml").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in RULES if "alert" in rule and rule["alert"] not in tried] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Debian's package prometheus")
@pytest.mark.parametrize(
    "command",
    [("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml"), ("check", "config", "prometheus.yml")],
)
def test_promtool_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
