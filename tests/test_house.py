"""House rules that neither ruff nor import-linter checks: sizes, names of classes and modules, purity, words.

Existing violations are listed as debts. A debt that is paid leaves its list, so the lists only get shorter.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in (ROOT / "metrics").rglob("*.py")}
SYSTEMS = ("frames", "views", "harvest", "catalogue")
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
NO_PURPOSE = {"common", "helper", "helpers", "misc", "util", "utils"}

LONG_MODULES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
NAMES_OF_TWO_CLASSES: set[str] = set()

# Words that texts avoid: they sound translated, are vague, or are a second name for a thing that has one.
BANNED = re.compile(
    r"\b(anew|are told|as many|at the least|at the most|borne|for now|go(es|ne)? on from|h[eo]ld(s|ing)? back|in vain"
    r"|is told|looked at|low[- ]water|mend(s|ed)?|of ours|onlooker|rows of 0|silen(t|ce|ces)|so many|taken up"
    r"|there already|time and again|was told|were told|whoever)\b"
    # "is no file" for "is not a file"; fine are "there is no file", "is no longer", "is no slower".
    r"|\b(?<!there )(be|is|are|was|were) no (?!longer|more|less|slower|faster)\w",
    re.IGNORECASE,
)
# Published values, a chart's option, and a sentence of the generated frames.
PUBLISHED = re.compile(r'"silent"|`silent`|\*\*silent\*\*|silent \(\{name\}\)|whoever is still running')

# How docstrings of classes begin that do not name a thing: a clause, or a verb.
NO_NOUN = re.compile(
    r"(Counts(?! of)|Does|Has|Holds|How|Is|It|Keeps|Reads|Returns|Shows|Tells|What|When|Where|Whether|Which|Who|Why)\b"
)

# The word of a system, which the plumbing must not know: in texts, and as a part of identifiers.
OF_A_SYSTEM = re.compile(r"(?<![A-Za-z])([Ff]rame|[Cc]atalogue)s?(?![a-z])|(?<=[a-z])(Frame|Catalogue)s?(?![a-z])")
NAMING_SYSTEMS = {"command_line", "serve", "__main__"}  # the command line and the server of all systems
# Other meanings, names that are published, and the one example of how a system uses the runner.
OTHER_FRAMES = re.compile(
    r"stack frames|clear_frames|references this frame"  # of Python's call stack
    r"|X-Frame-Options"  # of HTML
    r"|frames-metrics"  # the program's name, as brokers and process lists show it
    r"|\(for frames:|`metrics/frames/job/loop\.py`"  # kafka/job/seams.py points to its first user
)

# What import-linter holds pure; the files of a system may be anywhere under its core.
PURE = re.compile(
    r"metrics/(\w+/core/|catalogue/generate/reference\.py|frames/(verify/recount/|records\.py|sizes\.py))"
)
# What reaches a file, a terminal, other code or a clock without an import that import-linter forbids.
IMPURE_NAMES = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}
CLOCKS = {"now", "today", "utcnow"}


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


def impure(text: str) -> list[str]:
    """Return the impure builtins that a module uses, and the clocks that it reads."""
    used = list(ast.walk(ast.parse(text)))
    names = [node.id for node in used if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return [name for name in names if name in IMPURE_NAMES] + [
        node.attr for node in used if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]


def test_what_is_pure_uses_no_impure_builtin_and_no_clock() -> None:
    pure = {str(path): impure(text) for path, text in MODULES.items() if PURE.match(path.as_posix())}
    assert {path: found for path, found in pure.items() if found} == {}
    parts = ("core/frame.py", "verify/recount/windows.py", "records.py", "sizes.py")
    assert {f"metrics/frames/{part}" for part in parts} <= pure.keys()
    assert PURE.match("metrics/views/core/totals.py")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from datetime import datetime; x = datetime.now(UTC)", ["now"]),
        ("import datetime as d; x = d.datetime.utcnow()", ["utcnow"]),
        ("import datetime; x = map(datetime.date.today, ())", ["today"]),
        ("open('x')", ["open"]),
        ("print(input())", ["print", "input"]),
        ("exec('x'); eval('x'); __import__('os')", ["exec", "eval", "__import__"]),
        ("writers = [open]", ["open"]),
        ("x = windows.open(); y = re.compile('x'); open_s = 1", []),
    ],
)
def test_an_impure_builtin_or_a_clock_is_found(line: str, found: list[str]) -> None:
    assert impure(line) == found


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a document, or of the comments, docstrings and strings of a module, with their numbers."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if tokenize.tok_name[token.type] in ("COMMENT", "STRING", "FSTRING_MIDDLE"):
            yield from enumerate(token.string.splitlines(), token.start[0])


def test_texts_keep_to_the_vocabulary() -> None:
    modules = [path for folder in ("metrics", "benchmark") for path in (ROOT / folder).rglob("*.py")]
    documents = [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in [*modules, *documents]
        for number, line in texts(path)
        for match in BANNED.finditer(PUBLISHED.sub("", line))
    ]
    assert found == []


def test_the_docstring_of_a_class_begins_with_a_noun() -> None:
    classes = [(path, node) for path, node in nodes() if isinstance(node, ast.ClassDef)]
    found = [f"{path}: {node.name}" for path, node in classes if NO_NOUN.match(ast.get_docstring(node) or "")]
    assert found == []


def test_the_plumbing_knows_no_system() -> None:
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in MODULES.items()
        if room(path) == "plumbing" and path.stem not in NAMING_SYSTEMS
        for number, line in enumerate(text.splitlines(), 1)
        if OF_A_SYSTEM.search(OTHER_FRAMES.sub("", line))
    ]
    assert found == []
