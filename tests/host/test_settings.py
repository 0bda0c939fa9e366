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
from host_tools.board.settings_warnings import warnings_of

A, B, C, D = (letter * 64 for letter in "abcd")
SOUND = CONFIG | {"ca": ["/ca.der"]}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.floats(0, 1),
    st.sampled_from(
        ["", "wifi", "other", "sha1", "mqtts://h", "https://h:1", "mqtt://h", "http://h"]
    ),
    st.sampled_from(["required", "if_present", "off", "/client.der"]),
    st.lists(
        st.sampled_from(["/ca.der", "h:1", 3, {"ssid": "x"}, "http", A, B, A.upper()]), max_size=3
    ),
)


def device_check(found):
    """What the device itself says: None, or its complaint."""
    shims = {name: types.ModuleType(name) for name in ("micropython", "esp32", "machine")}
    vars(shims["micropython"])["const"] = lambda value: value
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
        ("mqtt", "mqtts://h:18883", "mqtts://"),
        ("mqtt", "mqtts://h.example.com", "https://h"),
        ("mqtt", "mqtts://h:18883", "mqtts://h:port"),
        ("http_broker", "https://h", "http:/h"),
        ("base_url", "https://h:8443", "https://h/"),
        ("network", "external", "ethernet"),
        ("file_sign", "sha1", "md5"),
        ("wifi", [{"ssid": "x"}], [{"password": "x"}]),
        ("wifi", [{"ssid": "x", "password": "y"}], [{"ssid": "x", "pasword": "y"}]),
        ("ca", ["/a.der", "/b.der"], ["a.der"]),
        ("hosts", ["a", "a:8443"], ["https://a"]),
        ("signature", "if_present", "demanded"),
        ("keys", [A, B, C], [A, B, C, D]),
        ("keys", [A.upper()], [A[:-1]]),
        ("keys", [A], [A, A.upper()]),
        ("keys", [A], [A, 3]),
        ("keys", [A], [" " + A[1:]]),
        ("pins", [A, B], [A]),
        ("pins", [A, B], [A, "x" * 64]),
        ("pins", [A, B], [A, A]),
        ("pins", [f"{n:064x}" for n in range(8)], [f"{n:064x}" for n in range(9)]),
        ("revoked", [A, B], ["/ca.der"]),
        ("plain", ["http", "mqtt"], ["https"]),
        ("downgrade", True, 1),
        ("downgrade", False, "no"),
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
    assert rules.check(CONFIG | {"pins": [A, B]}) == []
    assert rules.check(CONFIG | {"mqtt": "mqtt://h", "plain": ["mqtt"]}) == []


@pytest.mark.parametrize(
    ("key", "url", "word"),
    [
        ("mqtt", "mqtt://h:11883", "mqtt"),
        ("http_broker", "http://h", "http"),
        ("base_url", "http://h:8080", "http"),
    ],
)
def test_check_of_an_address_without_tls_wants_the_word_for_it(key, url, word):
    other = {"mqtt": "http", "http": "mqtt"}[word]
    for plain in ([], [other]):
        (problem,) = rules.check(SOUND | {key: url, "plain": plain})
        assert problem.startswith(f"{key} is without TLS")
        assert f'"{word}" into plain' in problem
    assert rules.check(SOUND | {key: url, "plain": [word]}) == []
    assert device_check(SOUND | {key: url, "plain": [word]}) is None


def test_check_of_one_pin_says_why_there_must_be_two():
    (problem,) = rules.check(SOUND | {"pins": [A]})
    assert "spare" in problem
    assert "cuts the board off" in problem


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cert": "/a.der"}, "cert needs key"),
        ({"key": "/a.der"}, "key needs cert"),
        ({"cert": "a.der", "key": "/b.der"}, "cert must be a path on the board"),
        ({"signature": "required", "keys": []}, "there are no keys"),
        ({"keys": [A, B], "revoked": [B.upper(), A, C]}, "keys are all revoked"),
        ({"watchdog_s": True}, "watchdog_s must be a whole number"),
    ],
)
def test_check_of_settings_that_do_not_go_together_names_what_is_missing(changes, text):
    (problem,) = rules.check(SOUND | changes)
    assert text in problem


def test_check_of_a_certificate_with_its_key_passes():
    assert rules.check(SOUND | {"cert": "/a.der", "key": "/b.der"}) == []
    assert rules.check(SOUND | {"signature": "required"}) == []
    assert rules.check(SOUND | {"keys": [A, B], "revoked": [A]}) == []


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, []),
        ({"keys": []}, ["releases are not signed: whoever can publish one message owns the board"]),
        ({"signature": "if_present"}, ["no signature is taken"]),
        ({"signature": "off"}, ["a bad signature is taken"]),
        ({"hosts": ["cdn"]}, []),
        ({"hosts": ["cdn"], "signature": "if_present"}, ["no signature", "hosts are not used"]),
        ({"hosts": ["cdn"], "keys": []}, ["not signed", "hosts are not used"]),
        ({"mqtt": "mqtt://h", "plain": ["mqtt"]}, ["mqtt is without TLS"]),
        ({"plain": ["mqtt"]}, ["leave the word out"]),
        ({"plain": ["http"]}, ["can see them"]),
        ({"plain": ["http"], "keys": []}, ["software of his own", "not signed"]),
        ({"downgrade": True}, ["old release"]),
        ({"ca": [], "pins": [A, B]}, ["files of others need a CA"]),
        ({"pins": [A, B]}, []),
        ({"ca": [], "mqtt": "mqtt://h", "plain": ["mqtt"]}, ["without TLS", "no https host"]),
    ],
)
def test_warnings_of_settings_say_what_they_let_happen(changes, texts):
    assert rules.check(SOUND | changes) == []
    found = warnings_of(SOUND | changes)
    assert len(found) == len(texts), found
    for text, warning in zip(texts, found, strict=True):
        assert text in warning


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
