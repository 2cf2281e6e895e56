"""Whether the job is active, from heartbeats that are seen now and then."""

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.process import Process, this_process
from metrics.views.answers.activity import GONE_AFTER_S, Observer

ELSEWHERE = Process("other", 1, "another boot", 1)
FIRST = Instance("a", 1, process=ELSEWHERE)


def test_an_instance_elsewhere_is_active_once_its_heartbeat_was_seen_to_change() -> None:
    observer = Observer()
    unknown = observer.look(FIRST, 0)
    assert (unknown.is_active, bool(unknown.why)) == (None, True)
    assert observer.look(FIRST.with_heartbeat(), 2) == (True, "")
    assert observer.look(FIRST.with_heartbeat(), 2 + GONE_AFTER_S - 1) == (True, "")
    gone = observer.look(FIRST.with_heartbeat(), 2 + GONE_AFTER_S)
    assert gone.is_active is False
    assert gone.why == "instance a (process 1 on other) has not committed for 10 s"


def test_a_change_since_a_look_long_ago_may_be_as_old_as_that() -> None:
    observer = Observer()
    observer.look(FIRST, 0)
    later = FIRST.with_heartbeat()
    assert observer.look(later, GONE_AFTER_S).is_active is None
    assert observer.look(later.with_heartbeat(), GONE_AFTER_S + 1).is_active is True


def test_before_the_first_commit_and_after_the_last_one_it_is_not_active() -> None:
    assert Observer().look(None, 0) == (False, "nothing was committed yet")
    assert Observer().look(FIRST.stopped(), 0) == (False, "instance a (process 1 on other) was stopped")


def test_a_process_of_this_machine_is_known_at_once() -> None:
    here = this_process()
    assert Observer().look(Instance("a", 1, process=here), 0).is_active is True
    gone = Instance("a", 1, process=Process(here.host, here.pid, here.boot, here.namespace, here.container, 1))
    assert Observer().look(gone, 0).is_active is False
