"""Jobs on the local Flink: where their states are, and why one failed; unknown with FLINK_URL."""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec
from confluent_kafka.admin import AdminClient

from metrics.files.project import project_folder
from metrics.frames.flink import jobs
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.script import Begin
from metrics.frames.flink.settings import FlinkSettings
from metrics.kafka.clients import open_admin
from metrics.kafka.topics import topic_id
from metrics.wording.errors import FencedError, FlinkError, StateError
from metrics.wording.text import numbered


def folder(settings: FlinkSettings) -> Path:
    """Return the folder of the local Flink."""
    return project_folder() / settings.local_flink_dir


def require_slots(settings: FlinkSettings, parallelism: int) -> None:
    """Check that a local Flink has the slots for a job.

    Raises:
        SettingsError: it has not.
    """
    if settings.flink_url is None:
        from metrics.frames.flink import local_cluster

        local_cluster.require_slots(parallelism)


def require_free_slots(settings: FlinkSettings, gateway: Gateway, parallelism: int) -> None:
    """Check that a local Flink has the slots for a job beside those that run: it would wait for more, and fail.

    Raises:
        FlinkError: it has not, or does not answer.
    """
    if settings.flink_url is not None:
        return
    from metrics.frames.flink import local_cluster

    slots = local_cluster.slots(folder(settings), parallelism)
    if slots is not None and slots.free < parallelism:
        others = " and ".join(f"{name} (job {job.id})" for name, job in jobs.running(gateway))
        fewer = f", or take fewer tasks: --parallelism {slots.free}" if slots.free else ""
        raise FlinkError(
            f"the local Flink has {numbered(slots.free, 'free slot')} for {numbered(parallelism, 'task')}",
            why=f"{slots.total - slots.free} of its {slots.total} are taken{f' by {others}' if others else ''}",
            hint=f"stop a job first{fewer}",
        )


def require_topics_of_no_other(settings: FlinkSettings, gateway: Gateway, name: str, topics: Collection[str]) -> None:
    """Check that no job of another name on a local Flink reads the input into the same topics: windows would be double.

    Args:
        name: of the job.
        topics: that it writes into.

    Raises:
        FencedError: one does.
        FlinkError: Flink does not answer.
        BrokerError: the broker does not answer.
    """
    if settings.flink_url is not None:
        return
    from metrics.frames.flink import local_cluster

    digest = _of_topics(settings, open_admin(settings), topics)
    for other, job in jobs.running(gateway):
        if other != name and local_cluster.is_kept_under(folder(settings), job.id, f"{other}.{digest}"):
            raise FencedError(
                f"the job {other} writes into the same topics: {', '.join(topics)}",
                why=f"job {job.id}, {job.status.lower()}, began at {job.began_at}; all would be published twice",
                hint="give each CONSUMER_GROUP_ID topics of its own: FLINK_TOPIC_SUFFIX=-flink2\n"
                "or stop that job first: python app.py flink stop, with its CONSUMER_GROUP_ID",
            )


def restorable(settings: FlinkSettings, place: str) -> str:
    """Return the place of a savepoint or checkpoint as Flink takes it.

    Raises:
        SettingsError: a local Flink cannot read it, since it is not in files.
        FileError: a local Flink cannot read it, since it is missing, unreadable, or not complete.
    """
    if settings.flink_url is not None:
        return place
    from metrics.frames.flink import local_cluster

    return str(local_cluster.complete_state(place))


class States(NamedTuple):
    """Savepoints and checkpoints of a job, kept apart from those that it must not continue from.

    Attributes:
        folder: of the local Flink; None with FLINK_URL, where nothing is known of them.
        name: under which the folder has them.
    """

    folder: Path | None
    name: str = ""

    def of_ending(self) -> "States":
        """Return where those of a job that ends with the input are: with this end in them, none continues from them."""
        return self._replace(name=f"{self.name}.until-end")

    def kept_apart(self) -> list[str]:
        """Return the statements after which a session keeps the states of its job here."""
        if self.folder is None:
            return []
        from metrics.frames.flink import local_cluster

        return local_cluster.kept_apart(self.folder, self.name)

    def newest(self) -> str | None:
        """Return the newest one; None if there is none."""
        if self.folder is None:
            return None
        from metrics.frames.flink import local_cluster

        newest = local_cluster.newest_state(self.folder, self.name)
        return None if newest is None else str(newest)

    def require_newest(self, place: str) -> None:
        """Check that a state, if it is one that this folder has under a name, is the newest one of these.

        Raises:
            StateError: it is not.
        """
        if self.folder is None:
            return
        from metrics.frames.flink import local_cluster

        named, newest = local_cluster.named_state(self.folder, place), self.newest()
        if named is not None and str(named) != newest:
            raise StateError(
                f"{place} is not the newest state of this job",
                why="windows that were published after it would be published again; or it is the state of another job, "
                "of other topics, of an earlier handover, or of a job that ends with the input",
                hint=f"continue from the newest: {newest}" if newest else "begin without --restore",
            )


def states(
    settings: FlinkSettings, admin: AdminClient, name: str, topics: Iterable[str], begin: Begin | None = None
) -> States:
    """Return where the states of a job are.

    They belong to the input and the topics that the job writes into: deleted and created again, or on another broker,
    these have other ids. Those of a group belong to its handover, too.

    Args:
        name: of the job.
        topics: that it writes into.
        begin: where a job of the group begins.

    Raises:
        BrokerError: the broker does not answer.
    """
    if settings.flink_url is not None:
        return States(None)
    parts = [name, _of_topics(settings, admin, topics)]
    if begin is not None:
        at = (begin.offsets, begin.newest, begin.series, begin.ends)
        parts.append(_digest([sorted(each.items()) for each in at]))
    return States(folder(settings), ".".join(parts))


def _of_topics(settings: FlinkSettings, admin: AdminClient, topics: Iterable[str]) -> str:
    return _digest([topic_id(admin, topic) for topic in (settings.input_topic, *topics)])


def _digest(value: object) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=8).hexdigest()


def kept_beside(settings: FlinkSettings, job_id: str) -> list[str]:
    """Return the statement after which a session keeps the savepoint of a job where its checkpoints are."""
    if settings.flink_url is not None:
        return []
    from metrics.frames.flink import local_cluster

    return local_cluster.kept_beside(folder(settings), job_id)


def newest_beside(settings: FlinkSettings, job_id: str) -> Path | None:
    """Return the newest savepoint or checkpoint of a job, or one that it was restored from; None if there is none."""
    if settings.flink_url is not None:
        return None
    from metrics.frames.flink import local_cluster

    return local_cluster.newest_beside(folder(settings), job_id)


def require_task_manager(settings: FlinkSettings) -> dict[str, str]:
    """Check that a task manager of the local Flink is left, and return those that have ended, each with the cause.

    Raises:
        FlinkError: none is left.
    """
    if settings.flink_url is not None:
        return {}
    from metrics.frames.flink import local_cluster

    return local_cluster.require_task_manager(folder(settings))


def ended_task_managers(settings: FlinkSettings) -> dict[str, str]:
    """Return the task managers of the local Flink that have ended, each with the cause."""
    if settings.flink_url is not None:
        return {}
    from metrics.frames.flink import local_cluster

    return local_cluster.ended_task_managers(folder(settings))


def restarting(settings: FlinkSettings, job_id: str) -> str:
    """Return from where a job restarts, as far as that is known, in words."""
    if settings.flink_url is not None:
        return "from its newest checkpoint, if it has one"
    return (
        "from its newest checkpoint" if newest_beside(settings, job_id) else "from its beginning, without a checkpoint"
    )


def failure(settings: FlinkSettings, job_id: str) -> str:
    """Return why a job has failed last; empty if that is not known."""
    if settings.flink_url is not None:
        return ""
    from metrics.frames.flink import local_cluster

    return local_cluster.failure(folder(settings), job_id)
