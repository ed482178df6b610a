"""What the examples stand on."""

import ast
import sys
from pathlib import Path

BANK = Path(__file__).parents[2] / "examples/bank/bank.py"


def test_the_sample_bank_knows_the_union_by_the_contract_alone() -> None:
    tree = ast.parse(BANK.read_text("utf-8"))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported - sys.stdlib_module_names == {"nats"}
