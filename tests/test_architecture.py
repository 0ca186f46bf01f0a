"""The house stays in order: who imports whom, what is heavy, how long things get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "rveval"

# Mirrors the table "The house" of docs/architecture.md: floor, and what a room may import from rveval. Change both
# together. A package (engine/, perturb/, show/) is one room; the edge (cli and a thin module a verb) may import all.
FLOORS: dict[str, tuple[int, set[str]]] = {
    "__init__": (0, set()),
    "errors": (0, set()),
    "stats": (0, set()),
    "config": (1, {"errors"}),
    "vectors": (1, {"errors"}),
    "checkpoints": (1, {"errors"}),
    "answers": (1, {"errors"}),
    "sandbox": (1, {"errors"}),
    "perturb": (1, {"errors"}),
    "store": (1, {"errors"}),
    "recipe": (2, {"config", "vectors", "checkpoints", "errors"}),
    "benchmarks": (2, {"answers", "perturb", "sandbox", "stats", "errors"}),
    "findings": (3, {"store", "stats", "recipe", "errors"}),
    "engine": (3, {"recipe", "vectors", "checkpoints", "config", "errors"}),
    "show": (4, {"findings", "store", "recipe", "config", "stats", "errors"}),
    "run": (
        4,
        {
            *("config", "recipe", "checkpoints", "benchmarks", "answers", "perturb", "sandbox", "engine", "store"),
            "stats",
            "errors",
        },
    ),
}
EDGE = {"cli", "__main__", "plan", "report", "describe", "track", "export", "serve", "prove"}

HEAVY = {"torch", "vllm", "lm_eval", "transformers", "datasets", "wandb", "scipy", "numpy"}
# What parses configs, plans and reports must start at once.
LIGHT = {"errors", "config", "checkpoints", "recipe", "store", "answers", "sandbox", "findings"} | EDGE

FILE_LINES = 300
FUNCTION_LINES = 60

SOURCES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "scripts").rglob("*.py"))


def module_of(path: Path) -> str:
    """The module of the table that a file belongs to: `rveval/engine/hf.py` -> `engine`."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(node: ast.stmt, path: Path) -> list[str]:
    """The dotted names an import statement in a file names; relative ones made absolute."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = path.relative_to(REPOSITORY).parent.parts
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
    # `from rveval import errors` names a module; `from rveval.errors import Refused` names one already.
    return [f"{base}.{alias.name}" for alias in node.names] if base == "rveval" else [base]


def own_imports(path: Path) -> Iterator[tuple[str, int]]:
    """The modules of rveval that a file imports anywhere, also inside functions and for types only."""
    known = {module_of(source) for source in SOURCES}
    for node in ast.walk(parse(path)):
        for name in imported(node, path) if isinstance(node, ast.stmt) else []:
            parts = name.split(".")
            if parts[0] == "rveval":
                target = parts[1] if len(parts) > 1 and parts[1] in known else "__init__"
                if target != module_of(path):
                    yield target, node.lineno


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not in functions, not under `if TYPE_CHECKING`."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_import(node.orelse)
            continue
        yield node
        for part in ("body", "orelse", "finalbody"):
            yield from at_import(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from at_import(handler.body)


def edges() -> dict[str, set[str]]:
    """Who imports whom, module by module."""
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        graph.setdefault(module_of(path), set()).update(target for target, _ in own_imports(path))
    return graph


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 5


def test_every_module_has_a_row() -> None:
    assert {module_of(path) for path in SOURCES} <= FLOORS.keys() | EDGE


def test_the_table_never_points_upward() -> None:
    upward = [
        (module, target)
        for module, (floor, allowed) in FLOORS.items()
        for target in allowed
        if target not in FLOORS or FLOORS[target][0] > floor
    ]
    assert upward == []


def test_the_table_has_no_circle() -> None:
    TopologicalSorter({module: allowed for module, (_, allowed) in FLOORS.items()}).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_imports_only_what_its_row_lists(path: Path) -> None:
    module = module_of(path)
    # The package itself holds nothing but its version, so everybody may read it.
    allowed = FLOORS.keys() | EDGE if module in EDGE else FLOORS[module][1] | {"__init__"}
    wrong = [f"line {line}: {target}" for target, line in own_imports(path) if target not in allowed]
    assert wrong == [], f"{name_of(path)} imports what its row does not list"


def test_no_import_goes_in_a_circle() -> None:
    graph = edges()
    TopologicalSorter({module: targets - {"__init__"} for module, targets in graph.items()}).prepare()


@pytest.mark.parametrize("path", [path for path in SOURCES if module_of(path) in LIGHT], ids=name_of)
def test_light_modules_import_nothing_heavy(path: Path) -> None:
    heavy = [
        f"line {node.lineno}: {name}"
        for node in at_import(parse(path).body)
        for name in imported(node, path)
        if name.split(".")[0] in HEAVY
    ]
    assert heavy == [], f"{name_of(path)} must start without these"


def test_light_modules_reach_nothing_heavy_through_others() -> None:
    """What the source can't show: heavy modules that come in by way of ours or of third parties."""
    light = sorted({module_of(path) for path in SOURCES} & LIGHT - {"__init__", "__main__"})
    code = (
        "import importlib, sys\n"
        f"for name in {light}: importlib.import_module(f'rveval.{{name}}')\n"
        f"sys.stdout.write(' '.join(sorted({HEAVY} & sys.modules.keys())))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_the_package_does_not_print(path: Path) -> None:
    calls = [
        node.lineno
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert calls == [], "progress goes through rich or tqdm, words through logging"


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < FILE_LINES
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=name_of)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parse(path))
