"""Curves of growth: the figures of each point worked out by hand, the page, the picture."""

from pathlib import Path

import msgspec
import pytest

from benchmark.bodies import Recipe
from benchmark.growth import curve as curves
from benchmark.growth import dimensions, page
from benchmark.growth.curve import Curve, Measured
from benchmark.growth.dimensions import DIMENSIONS, Point
from benchmark.process import Measured as Process
from benchmark.rounds import Run
from benchmark.sides import OURS
from benchmark.told import Told
from metrics.errors import SettingsError


def ran(steady_s: float, peak_mb: int, *, windows: int = 3) -> Run:
    process = Process(0.0, steady_s + 1, 2 * steady_s, peak_mb * 1_000_000, exit_code=0, has_timed_out=False)
    return Run(OURS, 1, process, Told(1_000, 0.5, 0.5 + steady_s), windows=windows)


FAILED = Run(OURS, 3, failure="exit code 1", last_errors="out of luck")


def curve(*points: Measured) -> Curve:
    return Curve("rate", "frames per second", "all else", list(points))


def test_a_frame_costs_the_time_from_the_first_frame_on_by_the_number_of_frames() -> None:
    # 1,000 frames in 2, 5 and 4 ms are 2, 5 and 4 µs each.
    point = curves.measured(100, 1_000, [ran(0.002, 90), ran(0.005, 80), ran(0.004, 85)])
    assert point.cost_us == pytest.approx([2, 5, 4])
    assert point.median_us == pytest.approx(4)
    assert (point.most_rss_mb, point.results) == (90, "right")
    row = curves.as_markdown(curve(point)).splitlines()[2]
    assert row == "| 100 | 1,000 | 4.00 | 2.00 | 5.00 | 250,000 | 1.00 | 0.01 | 90 | right |"


def test_the_growth_is_that_of_the_last_point_against_the_first() -> None:
    first = curves.measured(1, 1_000, [ran(0.004, 100)])
    last = curves.measured(2, 1_000, [ran(0.005, 150)])
    told = curves.growth(curve(first, last))
    assert "costs 1.25 times as much" in told
    assert "memory is 1.50 times as large" in told
    assert "too few" in curves.growth(curve(first)).lower()


def test_what_failed_or_was_not_compared_is_shown_so() -> None:
    assert curves.measured(1, 1_000, [ran(0.004, 100), FAILED]).results == "failed or wrong in 1 of 2"
    assert curves.measured(1, 1_000, [ran(0.004, 100, windows=0)]).results == "nothing to compare"
    nothing = curves.measured(0.05, 1_000, [FAILED])
    assert curves.as_markdown(curve(nothing)).splitlines()[2].startswith("| 0.05 | 1,000 | - |")


def test_page_picture_and_numbers_are_written_and_sentences_by_hand_stay(tmp_path: Path) -> None:
    first = curves.measured(100, 1_000, [ran(0.004, 100)])
    last = curves.measured(1_000_000, 1_000, [ran(0.005, 150)])
    page.write(tmp_path, curve(first), "Measured by hand.")
    path = tmp_path / "GROWTH.md"
    path.write_text(path.read_text() + "\nIt is flat.\n")
    page.write(tmp_path, curve(first, last), "Measured again.")
    text = path.read_text()
    assert text.startswith("# Growth\n")
    assert text.endswith("\nIt is flat.\n")
    assert "Measured again." in text
    assert "Measured by hand." not in text
    assert "![What a frame costs, by frames per second](growth/rate.png)" in text
    assert (tmp_path / "growth" / "rate.png").read_bytes().startswith(b"\x89PNG")
    assert msgspec.json.decode((tmp_path / "growth" / "rate.json").read_bytes(), type=Curve) == curve(first, last)


def test_every_dimension_grows_and_changes_one_thing() -> None:
    for dimension in DIMENSIONS:
        values = [point.value for point in dimension.points]
        assert values == sorted(set(values)), dimension.name
    [rate] = dimensions.chosen(["rate"], 1)
    assert all(point.frames >= 7 * point.recipe.rate for point in rate.points)


def test_a_trial_is_smaller_but_never_too_small() -> None:
    [frames, size] = dimensions.chosen(["size", "frames"], 0.001)
    assert [(point.value, point.frames) for point in frames.points] == [
        (1_000, 1_000),
        (2_000, 2_000),
        (5_000, 5_000),
        (10_000, 10_000),
    ]
    assert [point.value for point in size.points] == [200, 500, 2_000, 6_000, 20_000]
    assert min(point.frames for point in size.points) == 1_000
    with pytest.raises(SettingsError, match="no such dimension"):
        dimensions.chosen(["colour"], 1)


def test_points_share_a_topic_where_all_its_frames_are_the_same() -> None:
    point = Point(1, 1_000)
    assert Point(2, 1_000, busy_commit_s=1.0).input == point.input
    others = [Point(1, 500), Point(1, 1_000, partitions=2), Point(1, 1_000, Recipe(users=1))]
    assert all(other.input != point.input for other in others)
