"""Settings judged on the host: never kinder than the device, and clear about what is wrong."""

from __future__ import annotations

import sys
import types
from unittest import mock

import pytest
from factory_fixtures import CONFIG, certificate, pem
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools import paths
from host_tools import settings as rules

SOUND = CONFIG | {"ca": ["/ca.der"]}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.floats(0, 1),
    st.sampled_from(["", "wifi", "external", "other", "sha1", "mqtts://h", "https://h:1"]),
    st.lists(st.sampled_from(["/ca.der", "h:1", 3, {"ssid": "x"}]), max_size=2),
)


def device_check(found):
    """What the device itself says: None, or its complaint."""
    shims = {name: types.ModuleType(name) for name in ("micropython", "esp32", "machine")}
    with (
        mock.patch.dict(sys.modules, shims),
        mock.patch.object(sys, "path", [str(paths.DEVICE), *sys.path]),
    ):
        from enos_ota import config
    try:
        config.check(found)
    except config.ConfigError as error:
        return str(error)
    return None


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(rules.defaults())), VALUES, max_size=4))
def test_check_passes_nothing_that_the_device_refuses(changes):
    found = SOUND | changes
    complaint = device_check(found)
    assert complaint is None or rules.check(found)


def test_check_passes_every_default_and_sound_settings():
    assert rules.check(SOUND) == []
    assert rules.check(rules.defaults() | SOUND) == []
    assert device_check(SOUND) is None


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("mqtt", "mqtt://h:11883", "mqtts://"),
        ("mqtt", "mqtts://h.example.com", "https://h"),
        ("mqtt", "mqtts://h:18883", "mqtts://h:port"),
        ("http_broker", "https://h", "http://h"),
        ("base_url", "https://h:8443", "https://h/"),
        ("network", "external", "ethernet"),
        ("file_sign", "sha1", "md5"),
        ("wifi", [{"ssid": "x"}], [{"password": "x"}]),
        ("wifi", [{"ssid": "x", "password": "y"}], [{"ssid": "x", "pasword": "y"}]),
        ("ca", ["/a.der", "/b.der"], ["a.der"]),
        ("hosts", ["a", "a:8443"], ["https://a"]),
    ],
)
def test_check_of_a_value_takes_what_can_work_only(key, good, bad):
    assert rules.check(SOUND | {key: good}) == []
    problems = rules.check(SOUND | {key: bad})
    assert len(problems) == 1
    assert problems[0].startswith(key)


def test_check_shows_no_value():
    wrong = dict.fromkeys(rules.defaults(), 5) | {"device_secret": ["hush"], "wifi": ["hush"]}
    assert "hush" not in str(rules.check(wrong))


def test_check_without_a_ca_says_what_that_means():
    assert "connects to nothing" in rules.check(CONFIG)[0]


def test_ca_of_pem_and_of_der_are_the_same(tmp_path):
    pair = certificate("a"), certificate("b")
    path = tmp_path / "ca"
    path.write_bytes(pem(*pair))
    both = rules.ca_der(path)
    path.write_bytes(both[1])
    assert rules.ca_der(path) == both[1:]
    assert len(set(both)) == 2


def test_ca_of_a_private_key_is_refused(tmp_path):
    path = tmp_path / "ca.key"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(rules.SettingsError, match="not a certificate"):
        rules.ca_der(path)
