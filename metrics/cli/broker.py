"""`broker`: the local Kafka in the foreground."""

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import PROJECT
from metrics.kafka import local_broker
from metrics.kafka.settings import KafkaSettings
from metrics.terminal.console import say


def broker() -> None:
    """Run the local Kafka in the foreground, until Ctrl-C.

    Example: `python app.py broker`
    """
    settings = KafkaSettings.load()
    folder = PROJECT / settings.local_broker_dir
    with local_broker.running(folder, say) as address, stopping_on_signals() as stopping:
        say(f"to use it: BOOTSTRAP_SERVERS={address} python app.py --verbose")
        while not stopping.wait(1):
            local_broker.require_alive(folder)
