"""The house rules that neither ruff nor import-linter knows: sizes, names of classes and of modules.

What breaks one today is listed as a debt. A debt that is paid is taken off its list, so the lists only get shorter.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in (ROOT / "metrics").rglob("*.py")}
SYSTEMS = ("frames", "views", "harvest", "catalogue")
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
NO_PURPOSE = {"common", "helper", "helpers", "misc", "util", "utils"}

LONG_MODULES: set[str] = set()
LONG_FUNCTIONS = {"metrics/frames/commands/results.py: results"}
NAMES_OF_TWO_CLASSES = {
    "frames: Comparison",
    "frames: Line",
    "frames: Place",
    "plumbing: Health",
}


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    """Yield each node of every module."""
    for path, text in MODULES.items():
        for node in ast.walk(ast.parse(text)):
            yield path, node


def room(path: Path) -> str:
    """Return the system that a module is of; all that is of none is plumbing."""
    return path.parts[1] if path.parts[1] in SYSTEMS else "plumbing"


def test_a_module_has_400_lines_at_most() -> None:
    assert {str(path) for path, text in MODULES.items() if text.count("\n") > LONGEST_MODULE} == LONG_MODULES


def test_a_function_has_50_lines_at_most() -> None:
    assert {
        f"{path}: {node.name}"
        for path, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    } == LONG_FUNCTIONS


def test_no_two_classes_of_a_system_or_of_the_plumbing_have_one_name() -> None:
    places: defaultdict[str, set[Path]] = defaultdict(set)
    for path, node in nodes():
        if isinstance(node, ast.ClassDef):
            places[f"{room(path)}: {node.name}"].add(path)
    assert {name for name, paths in places.items() if len(paths) > 1} == NAMES_OF_TWO_CLASSES


def test_every_module_has_a_name_that_says_its_purpose() -> None:
    assert {path for path in MODULES if not NO_PURPOSE.isdisjoint((*path.parts, path.stem))} == set()


def test_app_py_is_short() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 60
