"""What the configuration of a load names, and passwords in a mistyped one."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from metrics.catalogue.collect.sources import sources
from metrics.wording.errors import MetricsError, SettingsError

URLS = [f"{scheme}://bob:hunter2@host/x.csv" for scheme in ("https", "http", "ftp", "ftps", "s3")]


def shown(config: str) -> str:
    """Return everything that is shown about a configuration: the names of its sources, or the error."""
    try:
        return " ".join(f"{source.name} {source.path_name} {source!r}" for source in sources(config, None, {}))
    except MetricsError as error:
        return str(error)


def mistyped(url: str) -> list[str]:
    """Return a URL with each of its characters dropped, and with each typed twice."""
    return [url[:at] + again + url[at + 1 :] for at in range(len(url)) for again in ("", 2 * url[at])]


@pytest.mark.parametrize("url", URLS)
def test_a_url_in_which_a_character_is_missing_or_typed_twice_shows_no_password(url: str) -> None:
    assert len(set(mistyped(url))) > 50
    for config in mistyped(url):  # one half of the password is always as it was
        assert not any(half in shown(config) for half in ("hun", "er2")), config


@given(url=st.sampled_from(URLS), ats=st.tuples(st.integers(0, 99), st.integers(0, 99)))
@example(url="https://bob:hunter2@host/x.csv", ats=(10, 12))
def test_nor_does_one_with_two_such_mistakes(url: str, ats: Sequence[int]) -> None:
    for at in ats:
        variants = mistyped(url)
        url = variants[at % len(variants)]
    assume("bobhunter2host" not in url)  # nothing marks it as a password
    assert "hunter2" not in shown(url), url


@pytest.mark.parametrize(
    "config",
    [
        "https:bob:hunter2@host/x.csv",
        "//bob:hunter2@host/x.csv",
        "bob:hunter2@host/x.csv",
        "https;//bob:hunter2@host/x.csv",
        "https:/bob:hunter2host/x.csv",
        "https://bob:12/hunter2@host/x.csv",
        "https://bob:/hunter2@host/x.csv",
        "https://bob:12?hunter2@host/x.csv",
        "https://bob:12#hunter2@host/x.csv",
        "https://bob:a@b/hunter2@host/x.csv",
        "https://bob/c:hunter2@host/x.csv",
        "ftp://bob:12/hunter2@host/x.csv",
    ],
)
def test_whatever_else_may_be_a_password_is_not_shown(config: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sources(config, None, {})
    for part in ("hunter2", "12", "bob"):
        assert part not in str(caught.value)


@pytest.mark.parametrize("name", ["10:30.csv", "users@host.csv", "a:b@c.csv", "s3:x.csv"])
def test_a_local_file_of_any_name_can_be_loaded(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    for config in (f"./{name}", str(tmp_path / name)):
        [source] = sources(config, None, {})
        assert source.path_name == name


@pytest.mark.parametrize("name", ["10:30.csv", "users@host.csv", "exports/users@host.csv", "s3/x.csv"])
def test_an_ordinary_path_is_named_if_it_is_missing(name: str) -> None:
    assert shown(name).startswith(f"{name} cannot be read\nwhy: No such file or directory\n")


@pytest.mark.parametrize("url", ["https://host:8000/x.csv?mail=a%40b", "https://bob:hunter2@host:1/a:b.csv"])
def test_a_colon_alone_and_an_encoded_at_sign_are_allowed(url: str) -> None:
    assert shown(url).startswith("https://host:")
