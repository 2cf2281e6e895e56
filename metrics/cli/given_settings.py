"""The settings that a command was given, with warnings of what looks like one and has no effect."""

from metrics import settings as environment
from metrics.cli.misnamed import misnamed
from metrics.kafka.clients import unknown_properties
from metrics.settings import CLIENT_PREFIX, Settings
from metrics.terminal.console import warn


def given_settings() -> Settings:
    """Return the settings of a command that needs no broker.

    Raises:
        SettingsError: some are not allowed.
    """
    for variable, setting in misnamed():
        case = " Names are in capitals" if variable.upper() == setting else ""
        warn(f"{variable} is set, but is no setting: did you mean {setting}?{case}")
    return environment.load()


def settings_for_broker() -> Settings:
    """Return the settings of a command that talks to a broker.

    Raises:
        SettingsError: some are not allowed.
    """
    settings = given_settings()
    if unknown := unknown_properties(settings):
        variables = ", ".join(CLIENT_PREFIX + name.upper().replace(".", "_") for name in unknown)
        warn(f"the Kafka client has no such properties, so these variables have no effect: {variables}")
    return settings
