"""Output agrees if all of it is the same, except what differs from run to run."""

import pytest

from tests.docs.transcript import Step, agree, rewritten, steps

PAGE = """\
Text.

```console
$ python app.py results | head -3
one
two
$ true
```

```sh
not run
```
"""


def test_a_block_contains_commands_and_their_output() -> None:
    assert list(steps(PAGE)) == [Step("python app.py results | head -3", "one\ntwo"), Step("true", "")]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("one\ntwo", "one\ntwo"),
        ("", ""),
        ("one\n…\nfour", "one\ntwo\nthree\nfour"),
        ("…\nfour", "one\nfour"),
        ("on localhost:9092; go", "on 127.0.0.1:38123; go"),
        ("since 2026-11-28T06:00:00Z", "since 2027-01-01T00:00:00Z"),
        ('{"id":"e5e2d390","lag":0}', '{"id":"0123abcd","lag":0}'),
        ("fed 10 frames in 1.2 s: 8 frames/s, 7.0 µs each", "fed 10 frames in 0.02 s: 800 frames/s"),
    ],
)
def test_output_agrees(shown: str, printed: str) -> None:
    assert agree(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("one\ntwo", "one"),
        ("one", "one\ntwo"),
        ("one\n…\nfour", "one\ntwo\nthree"),
        ("at 2016-07-11T13:39:00Z", "at 2016-07-11T13:39:01Z"),
        ("fed 10 frames in 1.2 s", "fed 11 frames in 1.2 s"),
        ("1,102 frames", "1,103 frames"),
    ],
)
def test_output_differs(shown: str, printed: str) -> None:
    assert not agree(shown, printed)


def test_a_page_is_rewritten_with_the_present_output() -> None:
    first, second = steps(PAGE)
    assert "-3\none\nthree\n$ true" in rewritten(PAGE, first, "one\nthree")
    assert "$ true\nyes\n```" in rewritten(PAGE, second, "yes")
    left_out = PAGE.replace("one\ntwo", "one\n…\ntwo")
    assert "-3\n1\n…\n4\n$ true" in rewritten(left_out, next(steps(left_out)), "1\n2\n3\n4")
