"""Settings that cannot work are refused before a run."""

import pytest

from metrics.harvest.settings import HarvestSettings
from metrics.wording.errors import SettingsError

FINE = {"STREAM_ENDPOINT": "http://localhost:8080/a?of=", "STREAM_PASSWORD": "a:b\u00e9\t"}


def test_settings_that_can_work_are_accepted() -> None:
    settings = HarvestSettings.load(FINE | {"STREAM_USER": "José M", "HARVEST_NAME": " "})
    assert (settings.stream_endpoint, settings.stream_password) == (*FINE.values(),)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(
            ("STREAM_ENDPOINT", f"http://localhost{end}")
            for end in ("/#a", "/#", "/ ", "/a b/", ":80 /", "/\n", "/\u00a0", "/\x00", "/\udcff")
        ),
        ("STREAM_ENDPOINT", " http://localhost/"),
        ("STREAM_USER", "a:b"),  # Basic auth ends the user at the first colon
        ("STREAM_USER", "a\udcff"),  # the byte FF in the environment
        ("STREAM_PASSWORD", "swordfish\udcff"),
        ("HARVEST_NAME", "a\udcff"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        HarvestSettings.load(FINE | {variable: value})
    assert raised.value.why.startswith(f"{variable}=")
    assert "swordfish" not in str(raised.value)
    assert str(raised.value).isascii()
