"""`flink sql`: prints the statements."""

from metrics.cli.use_broker import settings_for_broker
from metrics.frames.commands.flink_options import Parallelism, UntilEnd
from metrics.frames.flink.script import script
from metrics.frames.flink.settings import FlinkSettings
from metrics.terminal.console import say_lines


def sql(
    *,
    parallelism: Parallelism = 1,
    until_end: UntilEnd = False,
) -> None:
    """Print the SQL that counts frames on Flink, with the settings of the application filled in.

    Example: `python app.py flink sql --parallelism 4 > frames.sql`
    """
    text = script(settings_for_broker(FlinkSettings), parallelism=parallelism, until_end=until_end)
    say_lines(text.splitlines())
