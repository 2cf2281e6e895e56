"""Circumstances of a measurement: the machine, and the versions of everything."""

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmark.environments import PEERS, SUFFIX
from benchmark.sides import KCAT, Side, kcat

# The packages that matter to the figures; the requirements files have the others.
_OURS = ("confluent-kafka", "msgspec", "orjson", "pysimdjson")
_SHOWN = (*_OURS, "aiokafka", "bytewax", "crc32c", "kafka-python", "quixstreams")
_LIBRDKAFKA = "import confluent_kafka; print(confluent_kafka.libversion()[0])"


class Circumstances(NamedTuple):
    """When, by which command and on what something was measured.

    Attributes:
        ran_on: machine, broker and versions, a line each.
    """

    command: str
    at: datetime
    ran_on: Sequence[str]

    @property
    def by(self) -> str:
        """The command and the time."""
        return f"by `{self.command}` on {self.at:%Y-%m-%d %H:%M} UTC"

    def paragraph(self) -> str:
        """Return them as one paragraph."""
        return f"Measured {self.by}. {'; '.join(self.ran_on)}."


def circumstances(broker: str, sides: Sequence[Side], pythons: Mapping[str | None, Path]) -> Circumstances:
    """Return the circumstances of a measurement by the command of this process that ends now.

    Args:
        broker: its description.
        pythons: the interpreters of the sides, by the names of their requirements files.
    """
    ran_on = [f"Machine: {description()}", f"Broker: {broker}", *versions(sides, pythons)]
    return now(ran_on)


def now(ran_on: Sequence[str]) -> Circumstances:
    """Return the circumstances of a measurement by the command of this process that ends now."""
    return Circumstances(shlex.join(["pipenv", "run", "bench", *sys.argv[1:]]), datetime.now(UTC), ran_on)


def description() -> str:
    """Return processor, cores, memory and system in one line."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {cores} cores, {memory_bytes / 2**30:.0f} GiB of memory, {system}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions(sides: Sequence[Side], pythons: Mapping[str | None, Path]) -> list[str]:
    """Return the versions that each side runs on, a line each."""
    lines = [f"Python: {platform.python_version()}"]
    if any(side.packages is None and side.name != KCAT for side in sides):
        own = {package: version(package) for package in _OURS}
        lines.append(f"ours, consume, copy: {_packages(own, sys.executable)}")
    if any(side.name == KCAT for side in sides):
        lines.append(f"kcat: {_kcat_version()}")
    for name, python in sorted((name, python) for name, python in pythons.items() if name is not None):
        pins = dict(line.split("==") for line in (PEERS / f"{name}{SUFFIX}").read_text().splitlines())
        lines.append(f"{name}: {_packages(pins, str(python))}")
    return lines


def _packages(versions: Mapping[str, str], python: str) -> str:
    shown = [f"{package} {version}" for package, version in versions.items() if package in _SHOWN]
    if "confluent-kafka" in versions:
        shown.append(f"librdkafka {_printed([python, '-c', _LIBRDKAFKA])}")
    return ", ".join(shown)


def _kcat_version() -> str:
    printed = _printed([kcat(), "-V"])
    found = re.search(r"^Version (\S+)", printed, re.MULTILINE), re.search(r"librdkafka (\S+)", printed)
    own, librdkafka = (match[1] if match else "unknown" for match in found)
    return f"{own}, librdkafka {librdkafka}"


def _printed(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command lines
    return done.stdout.strip() or "unknown"
