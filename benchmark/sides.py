"""The sides: how each is started, and what makes its results right."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.contract import PREFIX, Task
from metrics.frames.flink.settings import FlinkSettings
from metrics.kafka.client_properties import CLIENT_PREFIX
from metrics.settings.listing import rows
from metrics.wording.errors import SettingsError

KCAT = "kcat"

Command = Callable[[Task, Path], Sequence[str]]


class Side(NamedTuple):
    """Program that does the job, or only a part of it that limits it.

    Attributes:
        what: its description, in a few words.
        command: returns its command line, from its task and the interpreter of its environment.
        packages: name of its requirements file; None: the project's own environment.
        variables: returns its environment variables.
        reads_all: it must report that it read all frames.
        counts: it publishes windows, which must be right.
        copies: it publishes the frames, which must be complete.
        is_scraped: it gets a METRICS_PORT, which is scraped once a second.
        start_timeout_s: it starts and stops sooner.
    """

    name: str
    what: str
    command: Command
    packages: str | None = None
    variables: Callable[[Task], Mapping[str, str]] = Task.variables
    reads_all: bool = False
    counts: bool = False
    copies: bool = False
    is_scraped: bool = False
    start_timeout_s: float = 60.0


def _module(name: str, *arguments: str) -> Command:
    return lambda _, python: [str(python), "-m", name, *arguments]


def _peer(name: str) -> Command:
    return _module(f"benchmark.peers.{name}")


def _drain(task: Task, _: Path) -> Sequence[str]:
    return [kcat(), "-b", task.bootstrap_servers, "-C", "-t", task.input_topic, "-e", "-q", "-u", "-f", ""]


def _our_settings(task: Task) -> Mapping[str, str]:
    return {
        "BOOTSTRAP_SERVERS": task.bootstrap_servers,
        "CONSUMER_GROUP_ID": task.group_id,
        "INPUT_TOPIC": task.input_topic,
        "SEC_METRICS_OUTPUT_TOPIC": task.seconds_topic,
        "MIN_METRICS_OUTPUT_TOPIC": task.minutes_topic,
        "REJECTED_TOPIC": task.rejected_topic,
    }


_BYTEWAX = _module("bytewax.run", "benchmark.peers.bytewax:flow")
OURS = Side(
    "ours", "app.py --until-end", _module("benchmark.ours", "--until-end"), variables=_our_settings, counts=True
)


def _on_flink(name: str, parallelism: int, checkpoint_s: int) -> Side:
    return Side(
        name,
        f"a local Apache Flink, from start to stop, parallelism {parallelism}, a checkpoint every {checkpoint_s} s",
        _module("benchmark.on_flink", f"{parallelism}", f"{checkpoint_s}"),
        counts=True,
        start_timeout_s=300.0,
    )


ON_FLINK = {parallelism: _on_flink(name, parallelism, 1) for parallelism, name in ((1, "flink"), (2, "flink_2"))}
# One every 10 s, as `deploy/kubernetes/flink` has it.
WITH_FEWER_CHECKPOINTS = [_on_flink(f"{side.name}_10s", parallelism, 10) for parallelism, side in ON_FLINK.items()]
SIDES = (
    Side(KCAT, "kcat drain, nothing decoded: the practical limit", _drain),
    Side("consume", "confluent-kafka consume(1000), nothing else", _peer("consume"), reads_all=True),
    Side("copy", "confluent-kafka consume and produce, no transactions", _peer("copy"), reads_all=True, copies=True),
    OURS,
    OURS._replace(
        name="ours_republishing",
        what="app.py --until-end with OUTPUT_STREAM",
        variables=lambda task: {**_our_settings(task), "OUTPUT_STREAM": task.copy_topic},
        copies=True,
    ),
    OURS._replace(
        name="ours_observed", what="app.py --until-end with METRICS_PORT, scraped once a second", is_scraped=True
    ),
    *ON_FLINK.values(),
    Side("original", "kafka-python, json.loads, lists and pointers", _peer("original"), "original", counts=True),
    Side("aiokafka_orjson", "aiokafka one by one, orjson", _peer("aiokafka_orjson"), "aiokafka", counts=True),
    Side("aiokafka_msgspec", "aiokafka getmany, msgspec", _peer("aiokafka_msgspec"), "aiokafka", counts=True),
    Side("quix", "Quix Streams, tumbling windows", _peer("quix"), "quix", counts=True),
    Side("bytewax", "Bytewax, window operators, orjson", _BYTEWAX, "bytewax", counts=True),
)


def chosen(names: Sequence[str]) -> list[Side]:
    """Return the sides with these names in the order of SIDES; without names, all.

    Raises:
        SettingsError: there is no such side, or kcat is chosen and not installed.
    """
    known = [side.name for side in SIDES]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"--only {unknown[0]}: there is no such side", hint=f"choose one of {', '.join(known)}")
    found = [side for side in SIDES if not names or side.name in names]
    if any(side.name == KCAT for side in found):
        kcat()
    return found


def kcat() -> str:
    """Return the path of kcat.

    Raises:
        SettingsError: it is not on the PATH.
    """
    path = shutil.which(KCAT)
    if path is None:
        raise SettingsError(
            "kcat is not installed",
            why="its drain of the topic is the limit that the sides are compared with",
            hint="install it (on Debian, the package kcat: apt-get install kcat), or choose other sides by --only",
        )
    return path


def environment(side: Side, task: Task) -> dict[str, str]:
    """Return the environment variables of a run: those of this process, but settings only from the side."""
    own = {row.variable for row in rows([FlinkSettings])} | {"PYTHONPATH"}
    foreign = (CLIENT_PREFIX, PREFIX, "Quix__")
    kept = {name: text for name, text in os.environ.items() if name not in own and not name.startswith(foreign)}
    return {**kept, **side.variables(task)}
