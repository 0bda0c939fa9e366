"""Every shape of fileUrl, and both digests."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import Rig


def upgrade(folder, releases, *, sign_method="sha256", url_shape="enos-connect", settings=None):
    with Rig(folder) as rig:
        # A value that names one of the stand-in's endpoints or keys stands for it.
        values = {k: rig.endpoints.get(v, v) for k, v in (settings or {}).items()}
        rig.start(releases["1.0.0"], trial_app_s=0, **values)
        job = rig.push(releases["1.1.0"], "1.1.0", sign_method=sign_method, url_shape=url_shape)
        task = rig.wait_task(job)
        urls = {m["payload"]["params"]["fileUrl"] for m in rig.messages("upgrade")}
        return task, urls.pop()


@pytest.mark.parametrize("sign_method", ["md5", "sha256"])
def test_file_url_of_the_http_broker_is_fetched_with_the_device_secret(
    tmp_path, releases, sign_method
):
    task, url = upgrade(tmp_path, releases, sign_method=sign_method)
    assert url.startswith("enos-connect://")
    assert task["status"] == "succeeded"


@pytest.mark.parametrize("file_sign", ["sha1", "sha256"])
def test_file_url_relative_is_asked_of_getfile_with_the_access_key(tmp_path, releases, file_sign):
    keys = {"access_key": "access_key", "secret_key": "secret_key", "org_id": "org_id"}
    task, url = upgrade(
        tmp_path,
        releases,
        url_shape="relative",
        settings={**keys, "file_sign": file_sign, "http_broker": ""},
    )
    assert url.startswith("/upload/firmware/")
    assert task["status"] == "succeeded"


def test_file_url_relative_with_a_wrong_secret_key_fails_with_step_minus_2(tmp_path, releases):
    keys = {"access_key": "access_key", "secret_key": "not it", "org_id": "org_id"}
    task, _ = upgrade(tmp_path, releases, url_shape="relative", settings=keys)
    assert (task["status"], task["progress"]) == ("failed", -2)
    assert "HTTP 4" in task["desc"]
    assert "not it" not in task["desc"]


def test_file_url_relative_without_access_key_is_joined_to_the_base_url(tmp_path, releases):
    task, url = upgrade(tmp_path, releases, url_shape="relative")
    assert url.startswith("/")
    assert task["status"] == "succeeded"


def test_file_url_https_is_fetched_as_it_is(tmp_path, releases):
    task, url = upgrade(tmp_path, releases, url_shape="https", settings={"http_broker": ""})
    assert url.startswith("https://")
    assert task["status"] == "succeeded"
