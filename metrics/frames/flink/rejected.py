"""The statements that write dead letters on Flink, by a job of their own, filled in from the settings."""

from collections.abc import Mapping
from string import Template

from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.core.shape import Shape
from metrics.frames.flink import connection
from metrics.frames.flink.fields import NUMBER
from metrics.frames.flink.quoting import quoted
from metrics.frames.flink.script import NO_ENDS, SINK, bounds, split, template
from metrics.frames.flink.settings import FlinkSettings
from metrics.time.moments import LAST_SECOND
from metrics.wording.errors import SettingsError


def statements(
    settings: FlinkSettings, *, parallelism: int = 1, until_end: bool = False, ends: Mapping[int, int] = NO_ENDS
) -> list[str]:
    """Return the statements that start the job, in their order; the last one starts it.

    Args:
        until_end, ends: as of the job that counts.
    """
    return split(script(settings, parallelism=parallelism, until_end=until_end, ends=ends))


def script(
    settings: FlinkSettings, *, parallelism: int = 1, until_end: bool = False, ends: Mapping[int, int] = NO_ENDS
) -> str:
    """Return the same statements as one text with comments."""
    return Template(template("rejected.sql")).substitute(
        name=quoted(settings.flink_rejected_name),
        parallelism=parallelism,
        checkpoint_s=settings.flink_checkpoint_s,
        input_topic=quoted(settings.input_topic),
        topic=quoted(settings.flink_rejected_topic),
        connection=connection.options(settings),
        sink=SINK,
        bounds=bounds(until_end=until_end, ends=ends),
        number=NUMBER,
        last_second=LAST_SECOND,
        future_limit_s=settings.future_limit_s,
        record_bytes=4 * MAX_FRAME_BYTES,
    )


def require_default_shape(settings: FlinkSettings) -> None:
    """Check that the SQL can tell what is wrong with a frame.

    Raises:
        SettingsError: it cannot.
    """
    if settings.shape() != Shape():
        raise SettingsError(
            f"Flink writes no dead letters of frames with {settings.shape()}",
            why="its SQL only finds what is wrong with a ts in seconds and a uid that is text",
            hint="leave --rejected out: without it, Flink counts these frames",
        )
