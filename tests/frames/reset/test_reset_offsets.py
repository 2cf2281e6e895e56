"""A group set to read from elsewhere, on a real broker: what is published again is the same, nothing counts twice."""

import signal
from typing import Any

from metrics.frames.core.state import GUARD_VERSION, Rules, State
from tests.frames.job.test_resuming import remove_frames_before
from tests.kafka.application import LIVE, Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
RULES = Rules(lateness_s=5, future_limit_s=300, version=GUARD_VERSION)


def plan(application: Application, to: str, *arguments: str) -> dict[str, Any]:
    return application.answer("reset-offsets", "--to", to, "--json", *arguments)


def state(application: Application) -> State:
    saved = application.saved_state()
    assert saved is not None
    return saved.state


def count_200_seconds(application: Application) -> None:
    """Count 200 seconds in two partitions: in disorder, one frame late for its minute, one no frame."""
    application.run("prepare-topics", "/dev/null", "--partitions", "2")
    for partition in range(2):
        frames = [frame(T + second - second % 3, f"u{second % 17}-{partition}") for second in range(200)]
        frames[120:120] = [b"no frame", frame(T + 10, "late")]
        application.send(frames, partition, timestamp=LIVE)
    application.run("--until-end")


def test_from_the_earliest_frame_on_all_is_published_again_and_counted_once(application: Application) -> None:
    count_200_seconds(application)
    before, seconds, minutes = state(application), application.seconds(), application.minutes()
    told = plan(application, "earliest")
    assert (told["read_again"], told["skipped"], told["lost"], told["is_done"]) == (404, 0, 0, False)
    assert told["published_again"]["seconds"]["windows"] == len(seconds)
    assert told["published_again"]["minutes"]["windows"] == len(minutes) == 4
    assert sorted(told["twice"].values()) == [4, 4, len(seconds)]
    assert told["published_first"] == {"seconds": 0, "minutes": 0}
    assert plan(application, "2000-01-01T00:00:00Z") == told | {"to": "2000-01-01T00:00:00Z"}
    assert state(application) == before

    assert "done: the next run goes on from there" in application.run("reset-offsets", "--to", "earliest", "--execute")
    saved = application.saved_state()
    assert saved is not None
    assert (saved.state, saved.instance.is_active) == (State.fresh({0: 0, 1: 0}, RULES), False)
    for role in ("seconds", "minutes", "rejected"):  # so that nothing is there twice
        application.delete_topic(role)
    application.run("prepare-topics", "/dev/null", "--partitions", "2")
    application.run("--until-end")
    assert (application.seconds(), application.minutes()) == (seconds, minutes)
    assert state(application) == before
    assert application.answer("verify", "--json")["verdict"] == "agrees"


def test_from_the_middle_on_windows_are_published_again_with_the_values_that_they_had(application: Application) -> None:
    count_200_seconds(application)
    before, seconds, minutes = state(application), application.seconds(), application.minutes()
    told = plan(application, "2016-07-11T13:40:30Z", "--execute")
    assert (told["is_done"], told["has_other_averages"]) == (True, False)
    assert state(application).closing_to == T + 90
    application.run("--until-end")
    again = [row for row in seconds if row[0] >= T + 90]
    assert application.seconds() == seconds + again
    assert application.minutes() == minutes + [row for row in minutes if row[0] >= T + 60]
    assert state(application) == before
    windows = told["published_again"]
    assert (windows["seconds"]["windows"], windows["minutes"]["windows"]) == (len(again), 3)
    found = application.answer("verify", "--json", exit_code=1)
    assert found["counts"] == {"doubled": len(again) + 3, "rejected": 4}


def test_to_the_latest_what_is_open_or_skipped_is_never_published(application: Application) -> None:
    #  a@0 b@10 c@20 | stopped; c is open, and all of the minute | d@70 e@75 skipped | f@119 late  g@130 h@200
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + second, "a") for second in (0, 10, 20)], timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.position(0) == 3, "all is read")
    process.send_signal(signal.SIGINT)
    finish(process)
    seconds = application.seconds()
    application.send([frame(T + second, "a") for second in (70, 75)], timestamp=LIVE)
    told = plan(application, "latest", "--execute")
    assert (told["read_again"], told["skipped"], told["lost"]) == (0, 2, 1)
    dropped = told["never_published"]
    assert [dropped["seconds"][end]["timestamp"] - T for end in ("first", "last")] == [11, 119]
    assert [dropped["minutes"][end]["timestamp"] - T for end in ("first", "last")] == [0, 60]
    application.send([frame(T + second, "a") for second in (119, 130, 200)], timestamp=LIVE)
    application.run("--until-end")
    assert [(row[0] - T, row[1]) for row in application.seconds()[len(seconds) :] if row[1]] == [(130, 1), (200, 1)]
    assert application.seconds()[len(seconds)][0] == T + 120
    assert [row[0] - T for row in application.minutes()] == [120, 180]
    tally = state(application).partitions[0].tally
    assert (tally.consumed, tally.counted, tally.late, tally.lost) == (6, 4, 1, 1)
    assert tally.is_conserved()

    # a@0 to h@200, back over what was skipped: windows of 201 seconds and 4 minutes, of which these were published
    told = plan(application, "earliest")
    missing = {"seconds": 201 - len(application.seconds()), "minutes": 4 - len(application.minutes())}
    assert (told["published_first"], missing["minutes"]) == (missing, 2)
    assert told["published_again"]["seconds"]["windows"] == len(application.seconds())
    told = plan(application, "2016-07-11T13:40:10Z")  # 70: in what was skipped
    published = {row[0] for row in application.seconds() if row[0] >= T + 70}
    assert told["published_first"] == {"seconds": 131 - len(published), "minutes": 1}
    said = application.run("reset-offsets", "--to", "2016-07-11T13:40:10Z", "--execute")
    assert f"published first  {131 - len(published)} seconds, 1 minute, of which no record is there" in said
    assert "the averages of those behind them change" in said
    before = {row[0] for row in application.seconds()}
    application.run("--until-end")
    new = {row[0]: row[1] for row in application.seconds() if row[0] not in before}
    # What stays skipped, 11 to 69, gets no rows of 0 either: c@20 is in there.
    assert sorted(new) == list(range(T + 70, T + 120))
    assert {start - T: frames for start, frames in new.items() if frames} == {70: 1, 75: 1, 119: 1}
    assert [row[0] - T for row in application.minutes() if row[0] - T < 120] == [60]


def test_while_an_instance_is_active_nothing_is_reset_and_one_that_hung_ends_when_it_comes_back(
    application: Application,
) -> None:
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + second, "a") for second in range(30)], timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.position(0) == 30, "all is read")
    refused = application.run("reset-offsets", "--to", "earliest", "--execute", exit_code=8)
    assert f"of the group {application.name} is active, so nothing is reset" in refused
    assert "is active: --execute refuses" in application.run("reset-offsets", "--to", "earliest")
    assert state(application).partitions[0].position == 30

    process.send_signal(signal.SIGSTOP)
    assert "did not stop in order" in application.run("reset-offsets", "--to", "earliest", "--execute")
    process.send_signal(signal.SIGCONT)
    assert "another instance took over" in finish(process, exit_code=8)
    assert state(application) == State.fresh({0: 0}, RULES)


def test_where_it_cannot_be_set_is_an_error(application: Application) -> None:
    application.run("prepare-topics", "/dev/null", "--partitions", "2")
    assert "there is nothing to reset" in application.run("reset-offsets", "--to", "earliest", exit_code=7)
    application.send([frame(T + second, "a") for second in range(30)], timestamp=LIVE)
    application.run("--until-end")
    refused = application.run("reset-offsets", "--to", "offset:20", exit_code=2)
    assert f"{application.topic('frames')}/1 holds offsets 0 to 0" in refused
    assert f"{application.topic('frames')}/0" not in refused
    refused = application.run("reset-offsets", "--to", "2016-07-11T13:40:00Z", exit_code=2)
    assert "no window that ends after it is published yet" in refused
    assert "the group has closed windows through 2016-07-11T13:40:00Z" in refused
    lateness_s = RULES.lateness_s + 2
    application.variables["LATENESS_S"] = str(lateness_s)
    refused = application.run("reset-offsets", "--to", "earliest", exit_code=7)
    assert f"judged by {RULES}, and would be by LATENESS_S={lateness_s}" in refused


def test_what_was_closed_early_stays_so_and_frames_that_are_gone_count_as_they_did(application: Application) -> None:
    #  150 frames, a@0 to a@29 | an end, so the minute is closed | a@40 is late  a@100  a@130 … a@140    back to 120
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + second, "a") for second in range(30) for _ in range(5)], timestamp=LIVE)
    application.run("--until-end")
    application.send([frame(T + second, "a") for second in (40, 100, *range(130, 141))], timestamp=LIVE)
    application.run("--until-end")
    before, seconds, minutes = state(application), application.seconds(), application.minutes()
    plan(application, "2016-07-11T13:41:00Z", "--execute")
    application.run("--until-end")
    again = [row for row in seconds if row[0] >= T + 120]
    assert application.seconds() == seconds + again
    assert state(application) == before

    remove_frames_before(application, 20)
    told = plan(application, "2016-07-11T13:41:00Z", "--execute")
    assert (told["is_whole"], told["has_other_averages"]) == (False, False)
    application.run("--until-end")
    assert application.seconds() == seconds + again * 2
    assert application.minutes() == minutes + minutes[-1:] * 2
    assert state(application).seconds == before.seconds


def test_set_back_and_forward_again_windows_that_are_published_stay_counted_and_skipped_ones_get_no_rows(
    application: Application,
) -> None:
    #  a@0 a@10 a@70 a@80, published up to 80 | back to 40 | a@130 a@140 skipped | a@200 a@201
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + second, "a") for second in (0, 10, 70, 80)], timestamp=LIVE)
    application.run("--until-end")
    assert state(application).seconds.windows == 81
    plan(application, "2016-07-11T13:39:40Z", "--execute")
    application.send([frame(T + second, "a") for second in (130, 140)], timestamp=LIVE)
    told = plan(application, "latest", "--execute")
    assert [told["never_published"]["seconds"][end]["timestamp"] - T for end in ("first", "last")] == [81, 179]
    assert [told["never_published"]["minutes"][end]["timestamp"] - T for end in ("first", "last")] == [120, 120]
    application.send([frame(T + second, "a") for second in (200, 201)], timestamp=LIVE)
    application.run("--until-end")
    assert [row[0] - T for row in application.seconds()] == [*range(81), *range(180, 202)]
    assert [row[0] - T for row in application.minutes()] == [0, 60, 180]
    after = state(application)
    assert (after.seconds.windows, after.seconds.total, after.minutes.windows) == (103, 6, 3)


def test_however_often_it_is_set_back_averages_stay_those_of_all_windows(application: Application) -> None:
    #  a@0 … a@39, b@0 … b@39, published | a@40 … a@69 skipped | a@120 … a@159, again and again
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + second, uid) for second in range(40) for uid in "ab"], timestamp=LIVE)
    application.run("--until-end")
    application.send([frame(T + second, "a") for second in range(40, 70)], timestamp=LIVE)
    plan(application, "latest", "--execute")
    application.send([frame(T + second, "a") for second in range(120, 160)], timestamp=LIVE)
    application.run("--until-end")
    before, seconds = state(application), application.seconds()
    assert (before.seconds.windows, before.seconds.total) == (80, 120)
    for _ in range(5):
        told = plan(application, "2016-07-11T13:41:10Z", "--execute")
        assert (told["has_other_averages"], told["published_again"]["seconds"]["windows"]) == (False, 30)
        assert told["published_first"] == {"seconds": 0, "minutes": 0}
        application.run("--until-end")
        assert application.seconds()[-30:] == seconds[-30:]
        assert state(application).seconds == before.seconds
