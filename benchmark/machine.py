"""What a benchmark ran on: the machine, and the versions of everything."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.environments import PEERS
from benchmark.sides import KCAT, Side, kcat

# Of a requirements file, these matter to what is measured; the rest is in the file.
_TOLD = ("aiokafka", "bytewax", "confluent-kafka", "crc32c", "kafka-python", "msgspec", "orjson", "quixstreams")
_LIBRDKAFKA = "import confluent_kafka; print(confluent_kafka.libversion()[0])"
_OURS = (
    "from importlib.metadata import version; "
    "print(', '.join(f'{name} {version(name)}' for name in ('confluent-kafka', 'msgspec', 'orjson', 'pysimdjson')))"
)


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


def versions(sides: Sequence[Side], pythons: dict[str, Path]) -> list[str]:
    """Return what each side runs on, a line each.

    Args:
        pythons: the interpreter of each environment that was made, by its name.
    """
    own = f"{_printed([sys.executable, '-c', _OURS])}, librdkafka {_printed([sys.executable, '-c', _LIBRDKAFKA])}"
    lines = [f"Python: {platform.python_version()}"]
    if any(side.packages is None and side.name != KCAT for side in sides):
        lines.append(f"ours, consume, copy: {own}")
    if any(side.name == KCAT for side in sides):
        lines.append(f"kcat: {_kcat_version()}")
    for name, python in sorted(pythons.items()):
        pins = [line.split("==") for line in (PEERS / f"{name}.requirements.txt").read_text().splitlines()]
        told = ", ".join(f"{package} {version}" for package, version in pins if package in _TOLD)
        has_librdkafka = any(package == "confluent-kafka" for package, _ in pins)
        lines.append(
            f"{name}: {told}" + (f", librdkafka {_printed([str(python), '-c', _LIBRDKAFKA])}" if has_librdkafka else "")
        )
    return lines


def _kcat_version() -> str:
    printed = _printed([kcat(), "-V"])
    found = re.search(r"^Version (\S+)", printed, re.MULTILINE), re.search(r"librdkafka (\S+)", printed)
    own, librdkafka = (match[1] if match else "unknown" for match in found)
    return f"{own}, librdkafka {librdkafka}"


def _printed(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command lines
    return done.stdout.strip() or "unknown"
