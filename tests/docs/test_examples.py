"""Output that README.md and docs/ show is what the commands print.

`pytest tests/docs --rewrite-examples` writes into the pages what the commands print now.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from metrics.kafka import local_broker
from tests.docs import transcript
from tests.kafka import quick_start

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if "```console\n" in page.read_text()]
WITHOUT_BROKER = ("README.md", "catalogue.md", "flink.md", "harvest.md", "views.md")
KEPT = ("HOME", "LANG", "LC_ALL", quick_start.VARIABLE)
NOT_CLONED = shutil.ignore_patterns(".*", "__pycache__", "*.jsonl*", "tests")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give the project as somebody finds it who has just cloned it."""
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=NOT_CLONED))


@pytest.fixture
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give an environment without settings; pages about Kafka have a broker of their own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {name: os.environ[name] for name in KEPT if name in os.environ} | {"PATH": path}
    if request.getfixturevalue("page").name in WITHOUT_BROKER:
        yield variables
        return
    with local_broker.running(tmp_path / "broker", print) as address:
        yield variables | {"BOOTSTRAP_SERVERS": address}


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(
    page: Path, clone: Path, environment: dict[str, str], pytestconfig: pytest.Config
) -> None:
    text = page.read_text(encoding="utf-8")
    if "curl" in text and shutil.which("curl") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("curl is missing: apt-get install curl")
    wrong: list[str] = []
    ports = transcript.free_ports()
    with ExitStack() as running:
        for step in transcript.steps(text):
            printed = transcript.run(step, clone, environment, running, ports)
            if transcript.agree(step.output, printed):
                continue
            wrong.append(f"$ {step.command}\n{printed}\n")
            if pytestconfig.getoption("rewrite_examples"):
                text = transcript.rewritten(text, step, printed)
                page.write_text(text, encoding="utf-8")
    assert not wrong, "printed now:\n" + "\n".join(wrong)
