"""Task states and what moves them, without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud_bench import DEVICE, Bench

from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.jobs import JobError


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_push_online_device_goes_published_upgrading_succeeded(bench: Bench) -> None:
    bench.start()
    job = bench.push()
    assert bench.status(job) == "published"
    assert bench.upgrades() == ["1.1.0"]
    bench.progress("20", "downloading")
    task = bench.task(job)
    assert (task.status, task.progress, task.desc) == ("upgrading", 20, "downloading")
    bench.inform("1.1.0")
    task = bench.task(job)
    assert (task.status, task.to_version, task.from_version) == ("succeeded", "1.1.0", "1.0.0")


@pytest.mark.parametrize("step", [None, "0", "80", "100"])
def test_inform_target_at_any_step_succeeds(bench: Bench, step: str | None) -> None:
    bench.start()
    job = bench.push()
    if step is not None:
        bench.progress(step)
        assert bench.status(job) == "upgrading"
    bench.inform("1.1.0")
    assert bench.status(job) == "succeeded"


def test_inform_old_version_again_changes_nothing(bench: Bench) -> None:
    bench.start()
    job = bench.push()
    bench.progress("50")
    bench.inform("1.0.0")
    assert bench.status(job) == "upgrading"


@pytest.mark.parametrize(
    ("step", "desc", "kept"),
    [
        ("-1", "", "upgrade failed"),
        ("-2", "1.1.0: no route", "1.1.0: no route"),
        ("-3", "", "verification failed"),
        ("-4", "", "burning failed"),
        ("-5", "", "refused by the device"),
        ("-6", "", "rolled back"),
        ("-7", "", "gave up"),
        ("-42", "own", "own"),
    ],
)
def test_progress_negative_step_fails_with_desc(
    bench: Bench, step: str, desc: str, kept: str
) -> None:
    bench.start()
    job = bench.push()
    bench.progress(step, desc)
    task = bench.task(job)
    assert (task.status, task.progress, task.desc) == ("failed", int(step), kept)


def test_progress_late_and_stale_is_answered_and_changes_nothing(bench: Bench) -> None:
    bench.subscribed = {"progress_reply"}
    bench.start()
    bench.progress("10")
    job = bench.push()
    bench.inform("1.1.0")
    bench.progress("90")
    bench.progress("-2")
    assert bench.status(job) == "succeeded"
    assert bench.codes("progress") == [200, 200, 200]


def test_progress_falling_step_is_kept_as_reported(bench: Bench) -> None:
    bench.start()
    job = bench.push()
    bench.progress("60")
    bench.progress("40")
    assert bench.task(job).progress == 40


def test_offline_device_waits_in_init_until_inform(bench: Bench) -> None:
    bench.start()
    bench.disconnect()
    job = bench.push()
    assert bench.status(job) == "init"
    bench.connect()
    assert bench.status(job) == "init"
    bench.inform("1.0.0")
    assert bench.status(job) == "published"
    assert [tail for tail, _ in bench.sent] == ["upgrade"]


def test_offline_device_inform_reply_precedes_upgrade(bench: Bench) -> None:
    bench.subscribed = {"inform_reply"}
    bench.start()
    bench.disconnect()
    bench.push()
    bench.sent.clear()
    bench.start()
    assert [tail for tail, _ in bench.sent] == ["inform_reply", "upgrade"]


def test_offline_trigger_connect_pushes_before_inform(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline_trigger="connect")
    bench.start()
    bench.disconnect()
    job = bench.push()
    bench.connect()
    assert bench.status(job) == "published"
    bench.inform("1.0.0")
    assert bench.upgrades() == ["1.1.0"]


def test_offline_device_that_upgraded_by_itself_succeeds_unpushed(bench: Bench) -> None:
    bench.start()
    bench.disconnect()
    job = bench.push()
    bench.start("1.1.0")
    assert bench.status(job) == "succeeded"
    assert bench.upgrades() == []


@pytest.mark.parametrize(("position", "expected"), [("dropped", "init"), ("stored", "published")])
def test_offline_messages_kept_session(tmp_path: Path, position: str, expected: str) -> None:
    bench = Bench(tmp_path, offline_messages=position)
    bench.start()
    bench.disconnect()
    job = bench.push()
    bench.connect(clean_session=False)
    assert bench.status(job) == expected


def test_push_delay_upgrade_comes_when_it_is_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path, push_delay_s=2)
    bench.start()
    bench.disconnect()
    job = bench.push()
    bench.start()
    assert bench.status(job) == "init"
    assert bench.service.tasks.next_event_at() == bench.time + 2
    bench.pass_time(1.9)
    assert bench.upgrades() == []
    bench.pass_time(0.1)
    assert bench.status(job) == "published"


def test_init_task_of_offline_device_sets_no_timer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, push_delay_s=2)
    bench.start()
    bench.disconnect()
    bench.push()
    bench.start()
    bench.disconnect()
    bench.pass_time(10)
    assert bench.service.tasks.next_event_at() is None


@pytest.mark.parametrize(
    ("position", "after_published", "after_upgrading"),
    [("never", 1, 1), ("published", 2, 1), ("unfinished", 2, 2)],
)
def test_repush_on_reconnect(
    tmp_path: Path, position: str, after_published: int, after_upgrading: int
) -> None:
    bench = Bench(tmp_path, repush=position)
    bench.start()
    job = bench.push()
    bench.disconnect()
    bench.start()
    assert len(bench.upgrades()) == after_published
    assert bench.status(job) == "published"
    bench.inform("1.0.0")
    assert len(bench.upgrades()) == after_published
    bench.progress("30")
    bench.sent.clear()
    bench.disconnect()
    bench.start()
    assert len(bench.upgrades()) == after_upgrading - 1
    assert (bench.status(job), bench.task(job).progress) == ("upgrading", 30)


def test_repush_interval_repeats_until_progress(tmp_path: Path) -> None:
    bench = Bench(tmp_path, repush_interval_s=5)
    bench.start()
    bench.push()
    assert bench.service.tasks.next_event_at() == bench.time + 5
    bench.pass_time(5)
    bench.pass_time(5)
    assert len(bench.upgrades()) == 3
    bench.disconnect()
    bench.pass_time(5)
    assert len(bench.upgrades()) == 3
    assert bench.service.tasks.next_event_at() is None
    bench.connect()
    bench.inform("1.0.0")
    bench.progress("1")
    sent = len(bench.upgrades())
    bench.pass_time(50)
    assert len(bench.upgrades()) == sent


def test_repush_interval_waits_for_the_inform_of_a_new_connection(tmp_path: Path) -> None:
    bench = Bench(tmp_path, repush_interval_s=5, repush="never")
    bench.start()
    bench.push()
    bench.disconnect()
    bench.connect()
    bench.pass_time(5)
    assert len(bench.upgrades()) == 1
    bench.inform("1.0.0")
    assert len(bench.upgrades()) == 2


def test_upgrade_ids_do_not_repeat_after_a_restart(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.start()
    job = first.push()
    again = Bench(tmp_path)
    again.start()
    assert again.status(job) == "published"
    assert int(again.sent[-1][1]["id"]) > int(first.sent[-1][1]["id"])


def test_timeout_counts_from_first_progress_and_fails(bench: Bench) -> None:
    bench.start()
    job = bench.push(timeout_s=300)
    bench.pass_time(1000)
    assert bench.status(job) == "published"
    bench.progress("5")
    bench.pass_time(200)
    bench.progress("10")
    bench.pass_time(99.9)
    assert bench.status(job) == "upgrading"
    bench.pass_time(0.1)
    task = bench.task(job)
    assert (task.status, task.desc) == ("failed", "timed out after 300 s")
    assert bench.service.tasks.next_event_at() is None


@pytest.mark.parametrize(
    ("position", "expected"), [("ignored", "failed"), ("accepted", "succeeded")]
)
def test_late_success_after_timeout(tmp_path: Path, position: str, expected: str) -> None:
    bench = Bench(tmp_path, late_success=position)
    bench.start()
    job = bench.push(timeout_s=300)
    bench.progress("5")
    bench.pass_time(301)
    bench.inform("1.1.0")
    assert bench.status(job) == expected


def test_late_success_does_not_revive_other_failures(tmp_path: Path) -> None:
    bench = Bench(tmp_path, late_success="accepted")
    bench.start()
    job = bench.push()
    bench.progress("-3")
    bench.inform("1.1.0")
    assert bench.status(job) == "failed"


@pytest.mark.parametrize(("position", "expected"), [("ignored", "upgrading"), ("fails", "failed")])
def test_other_version_informed_during_task(tmp_path: Path, position: str, expected: str) -> None:
    bench = Bench(tmp_path, other_version=position)
    bench.start()
    job = bench.push()
    bench.progress("5")
    bench.inform("1.0.0")
    assert bench.status(job) == "upgrading"
    bench.inform("1.0.0+rescue")
    assert bench.status(job) == expected


@pytest.mark.parametrize(
    ("position", "code", "expected"),
    [("ignored", 1101, "published"), ("fails", 1101, "failed"), ("fails", "500", "failed"),
     ("fails", 200, "published")],
)  # fmt: skip
def test_upgrade_reply_failure(tmp_path: Path, position: str, code: object, expected: str) -> None:
    bench = Bench(tmp_path, upgrade_reply_failure=position)
    bench.start()
    job = bench.push()
    number = bench.sent[-1][1]["id"]
    bench.up("upgrade_reply", id=number, code=code)
    assert bench.status(job) == expected


@pytest.mark.parametrize("payload", [b"", b"nonsense", b'{"id":"1","code":200,"data":""}'])
def test_upgrade_reply_of_any_form_gets_no_answer(bench: Bench, payload: bytes) -> None:
    bench.subscribed = {"upgrade_reply_reply"}
    bench.start()
    job = bench.push()
    bench.sent.clear()
    bench.raw("upgrade_reply", payload)
    assert bench.sent == []
    assert bench.status(job) == "published"


def test_retry_policy_begins_again_after_interval(bench: Bench) -> None:
    bench.start()
    job = bench.push(retry_count=1, retry_interval_s=60)
    bench.progress("-2", "first")
    assert bench.desk.view(job)["final"] is False
    bench.pass_time(59)
    assert bench.status(job) == "failed"
    bench.pass_time(1)
    assert bench.status(job) == "published"
    assert bench.upgrades() == ["1.1.0", "1.1.0"]
    bench.progress("-2", "second")
    bench.pass_time(1000)
    assert (bench.status(job), bench.task(job).desc) == ("failed", "second")
    assert bench.desk.view(job)["final"] is True


def test_retry_policy_after_timeout(bench: Bench) -> None:
    bench.start()
    job = bench.push(timeout_s=300, retry_count=1, retry_interval_s=10)
    bench.progress("5")
    bench.pass_time(300)
    assert bench.status(job) == "failed"
    bench.pass_time(10)
    assert bench.status(job) == "published"
    bench.inform("1.1.0")
    assert bench.status(job) == "succeeded"


def test_retry_policy_of_stopped_job_does_nothing(bench: Bench) -> None:
    bench.start()
    job = bench.push(retry_count=1, retry_interval_s=10)
    bench.progress("-2")
    bench.desk.stop(job.id)
    bench.pass_time(11)
    assert bench.status(job) == "failed"
    assert bench.service.tasks.next_event_at() is None
    assert bench.desk.view(bench.desk.get(job.id))["final"] is True


def test_retry_by_hand_pushes_again(bench: Bench) -> None:
    bench.start()
    job = bench.push()
    with pytest.raises(JobError) as refused:
        bench.desk.retry(job.id)
    assert refused.value.code == 24621
    bench.progress("-2")
    bench.desk.retry(job.id)
    assert (bench.status(job), bench.upgrades()) == ("published", ["1.1.0", "1.1.0"])


def test_retry_by_hand_gives_the_policy_its_retries_back(bench: Bench) -> None:
    bench.start()
    job = bench.push(retry_count=1, retry_interval_s=10)
    bench.progress("-2")
    bench.pass_time(10)
    bench.progress("-2")
    bench.desk.retry(job.id)
    bench.progress("-2")
    bench.pass_time(10)
    assert (bench.status(job), len(bench.upgrades())) == ("published", 4)


def test_cancel_waiting_and_published_only(bench: Bench) -> None:
    bench.start()
    job = bench.push()
    bench.desk.cancel(job.id)
    assert (bench.status(job), bench.task(job).desc) == ("failed", "Cancelled by user")
    second = bench.push("1.2.0")
    bench.progress("1")
    with pytest.raises(JobError) as refused:
        bench.desk.cancel(second.id)
    assert refused.value.code == 24620
    assert bench.status(second) == "upgrading"


def test_cancel_is_not_retried_by_policy(bench: Bench) -> None:
    bench.start()
    job = bench.push(retry_count=3, retry_interval_s=1)
    bench.desk.cancel(job.id)
    bench.pass_time(10)
    assert bench.status(job) == "failed"


def test_cancel_lets_the_next_job_through(bench: Bench) -> None:
    bench.start()
    first, second = bench.push(), bench.push("1.2.0")
    bench.desk.cancel(first.id)
    assert bench.status(second) == "published"


def test_stop_pushes_nothing_more(bench: Bench) -> None:
    bench.start()
    bench.disconnect()
    job = bench.push()
    bench.desk.stop(job.id)
    bench.start()
    assert (bench.status(job), bench.upgrades()) == ("init", [])
    for act in (bench.desk.stop, bench.desk.retry):
        with pytest.raises(JobError) as refused:
            act(job.id)
        assert refused.value.code == 24617


@pytest.mark.parametrize("begun", [False, True])
def test_second_job_waits_while_device_is_upgraded(bench: Bench, begun: bool) -> None:
    bench.start()
    first, second = bench.push(), bench.push("1.2.0")
    if begun:
        bench.progress("10")
    assert bench.status(second) == "init"
    assert bench.upgrades() == ["1.1.0"]
    bench.progress("-3")
    assert (bench.status(first), bench.status(second)) == ("failed", "published")
    assert bench.upgrades() == ["1.1.0", "1.2.0"]


def test_from_versions_left_meanwhile_is_not_pushed(bench: Bench) -> None:
    bench.start()
    bench.disconnect()
    job = bench.push("1.2.0", from_versions=["1.0.0"])
    bench.start("1.1.0")
    assert (bench.status(job), bench.upgrades()) == ("init", [])
    bench.inform("1.0.0")
    assert bench.status(job) == "published"


def test_two_devices_do_not_mix(bench: Bench) -> None:
    other = DeviceId("pk", "other")
    bench.add(other)
    bench.start()
    bench.start(device=other)
    job = bench.desk.create(["1.1.0"])
    mine, its = bench.store.tasks(job=job.id)
    assert (mine.device, its.device) == (DEVICE, other)
    bench.progress("-3", device=other)
    bench.inform("1.1.0")
    states = [task.status for task in bench.store.tasks(job=job.id)]
    assert states == ["succeeded", "failed"]


# --- on request


def offers(bench: Bench) -> list[str]:
    bench.subscribed.add("getversion_reply")
    bench.up("getversion")
    return [firmware["version"] for firmware in bench.reply("getversion")["data"]]


def test_getversion_offers_all_versions_and_device_picks(bench: Bench) -> None:
    bench.start()
    job = bench.offer("1.1.0", "1.2.0")
    assert (bench.status(job), bench.upgrades()) == ("init", [])
    assert offers(bench) == ["1.1.0", "1.2.0"]
    assert bench.status(job) == "published"
    bench.progress("10")
    assert bench.status(job) == "upgrading"
    bench.inform("1.2.0")
    assert (bench.status(job), bench.task(job).to_version) == ("succeeded", "1.2.0")
    assert offers(bench) == []


def test_getversion_same_job_again_while_upgrading(bench: Bench) -> None:
    bench.start()
    job = bench.offer("1.1.0")
    offers(bench)
    bench.progress("10")
    assert offers(bench) == ["1.1.0"]
    assert bench.status(job) == "upgrading"


def test_getversion_while_pushed_upgrade_is_under_way_offers_nothing(bench: Bench) -> None:
    bench.start()
    bench.offer("1.2.0")
    bench.push()
    assert offers(bench) == []


def test_getversion_offered_task_does_not_block_a_push(bench: Bench) -> None:
    bench.start()
    bench.offer("1.2.0")
    offers(bench)
    job = bench.push()
    assert bench.status(job) == "published"


def test_getversion_outside_from_versions_offers_nothing(bench: Bench) -> None:
    bench.start()
    bench.offer("1.2.0", from_versions=["1.0.0"])
    bench.inform("1.1.0")
    assert offers(bench) == []


def test_getversion_never_offers_what_runs(bench: Bench) -> None:
    bench.start("1.1.0")
    job = bench.offer("1.1.0", "1.2.0")
    assert offers(bench) == ["1.2.0"]
    bench.inform("1.1.0")
    assert bench.status(job) == "published"


@pytest.mark.parametrize(("position", "expected"), [("no", []), ("yes", ["1.1.0"])])
def test_getversion_serves_push(tmp_path: Path, position: str, expected: list[str]) -> None:
    bench = Bench(tmp_path, getversion_serves_push=position)
    bench.start()
    bench.push()
    assert offers(bench) == expected


def test_getversion_failed_pick_is_retried_with_all_versions(bench: Bench) -> None:
    bench.start()
    job = bench.offer("1.1.0", "1.2.0")
    offers(bench)
    bench.progress("-3", "1.1.0: digest")
    assert bench.status(job) == "failed"
    assert offers(bench) == []
    bench.desk.retry(job.id)
    assert offers(bench) == ["1.1.0", "1.2.0"]
