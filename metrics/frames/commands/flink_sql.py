"""`flink sql`: prints the statements."""

from metrics.cli.use_broker import settings_for_broker
from metrics.frames.commands.flink_options import Parallelism, Rejected, UntilEnd
from metrics.frames.flink import rejected as dead_letters
from metrics.frames.flink.connection import without_secrets
from metrics.frames.flink.script import require_possible, script
from metrics.frames.flink.settings import FlinkSettings
from metrics.terminal.console import say_lines


def sql(
    *,
    parallelism: Parallelism = 1,
    until_end: UntilEnd = False,
    rejected: Rejected = False,
) -> None:
    """Print the SQL that counts frames on Flink, with the settings of the application filled in.

    Instead of a password, a key or brokers that are not set, it has the name of the variable: `${KAFKA_SASL_PASSWORD}`.

    Example: `python app.py flink sql --parallelism 4 > frames.sql`
    """
    settings = settings_for_broker(FlinkSettings)
    (dead_letters.require_default_shape if rejected else require_possible)(settings)
    write = dead_letters.script if rejected else script
    text = write(without_secrets(settings), parallelism=parallelism, until_end=until_end)
    say_lines(text.splitlines())
