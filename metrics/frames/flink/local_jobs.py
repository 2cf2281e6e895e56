"""Jobs on the local Flink: where their states are, and why one failed; unknown with FLINK_URL."""

from pathlib import Path

from metrics.files.project import project_folder
from metrics.frames.flink.settings import FlinkSettings


def folder(settings: FlinkSettings) -> Path:
    """Return the folder of the local Flink."""
    return project_folder() / settings.local_flink_dir


def require_slots(settings: FlinkSettings, parallelism: int) -> None:
    """Check that a local Flink has the slots for a job.

    Raises:
        SettingsError: it has not.
    """
    if settings.flink_url is None:
        # A command that is given a Flink does not wait for this import.
        from metrics.frames.flink import local_cluster  # noqa: PLC0415

        local_cluster.require_slots(parallelism)


def group_kept_apart(settings: FlinkSettings) -> list[str]:
    """Return the statements after which a local Flink keeps the states of a job of the group apart.

    A job that writes into Flink's own topics begins with the newest of its own states.
    """
    return _kept_apart(settings, f"{settings.flink_name} of the group")


def rejected_kept_apart(settings: FlinkSettings) -> list[str]:
    """Return the statements after which a local Flink keeps the states of the job for dead letters apart."""
    return _kept_apart(settings, settings.flink_rejected_name)


def _kept_apart(settings: FlinkSettings, name: str) -> list[str]:
    if settings.flink_url is not None:
        return []
    # A command that is given a Flink does not wait for this import.
    from metrics.frames.flink import local_cluster  # noqa: PLC0415

    return local_cluster.kept_apart(folder(settings), name)


def newest_state(settings: FlinkSettings, name: str) -> str | None:
    """Return the newest savepoint or checkpoint of the jobs with a name; None if there is none."""
    if settings.flink_url is not None:
        return None
    from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as above

    newest = local_cluster.newest_state(folder(settings), name)
    return None if newest is None else str(newest)


def failure(settings: FlinkSettings, job_id: str) -> str:
    """Return why a job has failed last; empty if that is not known."""
    if settings.flink_url is not None:
        return ""
    from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as above

    return local_cluster.failure(folder(settings), job_id)
