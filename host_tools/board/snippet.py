"""The MicroPython code that a tool runs on a board: the files in `on_board/`, without comments."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "on_board"


@cache
def source(name: str) -> str:
    """Source of `on_board/NAME.py` as it is sent: comments and docstrings stay here."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree) + "\n"
