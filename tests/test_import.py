from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minidrcn

PACKAGE = Path(minidrcn.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ["course", "training", "imaging", "model", "ops", "data", "plots"]  # from the top
VERBS = {"train", "evaluate", "upscale", "export", "demo", "experiments", "animate", "data.__main__", "course.__main__"}


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports at any depth of nesting, as dotted names inside the package."""
    found = set()
    parts = path.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join([*parts[: len(parts) - node.level], *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}".strip(".") for alias in node.names} | {base}
    return found


@pytest.mark.parametrize("imported", ["minidrcn", "minidrcn.course"])
def test_importing_the_package_loads_numpy_and_nothing_heavier(imported):
    code = (
        f"import sys; import {imported}\n"
        "heavy = {'PIL', 'matplotlib', 'skimage', 'scipy', 'tqdm', 'threadpoolctl', 'cupy', 'torch', 'requests'}\n"
        "heavy |= {'psutil', 'IPython', 'nbformat', 'onnx', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    imported = imports_of(path)
    assert not [name for name in imported for verb in VERBS if f"{name}.".startswith(f"{verb}.")], (
        "nothing imports a verb"
    )
    room = path.relative_to(PACKAGE).parts[0]
    above = ROOMS[: ROOMS.index(room)] if room in ROOMS else []
    assert not {name for name in imported if name.split(".")[0] in above}, "a room knows those below it"
    if room == "ops":
        assert not {name for name in imported if name and name.split(".")[0] not in ("ops", "backend")}
    if path.stem in ("grad_check", "metrics"):
        top_level = {line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("from .")}
        assert all("network" not in line and "drcn" not in line for line in top_level)


def test_only_the_backend_imports_cupy():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "cupy" not in names or path.name == "backend.py", path
