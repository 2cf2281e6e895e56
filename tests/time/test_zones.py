"""Time zones by name."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from metrics.postgres.connect import connect
from metrics.time.zones import zone_of
from metrics.wording.errors import SettingsError


@pytest.mark.parametrize("name", ["Europe/Berlin", "europe/berlin", "EUROPE/BERLIN"])
def test_a_zone_is_found_by_its_name_in_any_case(name: str) -> None:
    assert zone_of(name).key == "Europe/Berlin"


@pytest.mark.parametrize(
    "name", ["", "Europe", "Berlin", "UTC+1", "+01:00", "CEST", "../../etc/passwd", "/etc/passwd", "a\0b"]
)
def test_what_is_not_a_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is unknown"):
        zone_of(name)


@pytest.mark.parametrize("name", ["localtime", "LocalTime", "posixrules", "right/Europe/Berlin", "posix/UTC"])
def test_a_file_beside_the_zones_is_refused_since_it_differs_from_machine_to_machine(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^the time zone {name} is unknown\n") as refused:
        zone_of(name)
    assert name not in refused.value.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Kolkata", "did you mean Asia/Kolkata?"),
        ("europe/belrin", "did you mean Europe/Berlin?"),
        ("IST", "use a name of the IANA database, such as Asia/Kolkata"),
        ("CEST", "use a name of the IANA database, such as Asia/Kolkata"),
        ("GMT+5", "use a name of the IANA database, such as Asia/Kolkata"),
    ],
)
def test_the_name_of_a_place_is_suggested_and_never_another_abbreviation_or_offset(name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as refused:
        zone_of(name)
    assert refused.value.hint == hint


def test_python_and_the_database_agree_on_the_offset_of_every_zone(database_url: str) -> None:
    moments = [datetime(2021, month, 15, 12, tzinfo=UTC) for month in (1, 7)]
    with connect(database_url) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names")}
        zones = sorted(known & available_timezones())
        assert len(zones) > 300
        for zone in zones:
            connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
            theirs = connection.execute(
                "SELECT to_char(at, 'HH24:MI') FROM unnest(%s) AS of (at)", (moments,)
            ).fetchall()
            assert theirs == [(f"{moment.astimezone(zone_of(zone)):%H:%M}",) for moment in moments], zone
