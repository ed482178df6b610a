"""What the examples stand on."""

import ast
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", ["bank/bank.py", "hospital/hospital.py"])
def test_an_example_knows_the_union_by_the_contract_alone(path: str) -> None:
    tree = ast.parse((EXAMPLES / path).read_text("utf-8"))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported - sys.stdlib_module_names == {"nats"}
