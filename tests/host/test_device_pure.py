"""The pure modules of the device under CPython: properties, and the host's own code as a second opinion."""

from __future__ import annotations

import contextlib
import hashlib
import json
import urllib.parse

from device_fixtures import JSON, TEXT, device, quick
from hypothesis import example, given, settings
from hypothesis import strategies as st

KEY = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="|&"),
    min_size=1,
    max_size=64,
)
FIELDS = ("version", "sign", "signMethod", "fileUrl", "fileSize")
FIELD = st.one_of(JSON, st.sampled_from(["md5", "MD5", "sha256", "sha1", "1024", "-1", "0"]))
COMMAND = {
    "version": "1.1.0",
    "sign": "d41d8cd98f00b204e9800998ecf8427e",
    "signMethod": "md5",
    "fileUrl": "enos-connect://23f5ff270b800000.bin",
    "fileSize": 1024,
}


# ---- identity: the strings of enos-protocol, written out here a second time


@quick
@given(KEY, KEY, TEXT, st.integers(0, 10**15).map(str))
def test_mqtt_login_any_keys_equals_the_documented_hash(
    pk: str, dk: str, secret: str, ms: str
) -> None:
    client_id, user, password = device.identity.mqtt_login(pk, dk, secret, dk, ms)
    said = f"clientId{dk}deviceKey{dk}productKey{pk}timestamp{ms}{secret}"
    assert password == hashlib.sha256(said.encode()).hexdigest().upper()
    assert client_id == f"{dk}|securemode=2,signmethod=sha256,timestamp={ms}|"
    assert user == f"{dk}&{pk}"


@quick
@given(KEY, KEY, TEXT, st.integers(1, 10**9))
def test_http_sign_any_keys_equals_the_documented_hash(
    pk: str, dk: str, secret: str, life: int
) -> None:
    pairs = {"deviceKey": dk, "lifetime": str(life), "productKey": pk, "signMethod": "sha256"}
    said = "".join(name + pairs[name] for name in sorted(pairs)) + secret
    assert (
        device.identity.http_sign(pk, dk, secret, life) == hashlib.sha256(said.encode()).hexdigest()
    )


@quick
@given(TEXT, TEXT, TEXT, TEXT, st.sampled_from(["sha1", "sha256"]))
def test_getfile_sign_any_input_equals_the_documented_hash(
    access: str, secret: str, org: str, path: str, method: str
) -> None:
    pairs = {"orgId": org, "path": path, "requestTimestamp": "1548753362502"}
    said = access + "".join(name + pairs[name] for name in sorted(pairs)) + secret
    sign = device.identity.getfile_sign((access, secret), method, org, path, "1548753362502")
    assert sign == hashlib.new(method, said.encode()).hexdigest().upper()


# ---- messages


@quick
@given(
    st.integers(1, 1 << 40),
    st.sampled_from(["inform", "progress", "getversion"]),
    st.dictionaries(TEXT, TEXT),
)
def test_request_parsed_again_gives_the_envelope(
    number: int, kind: str, params: dict[str, str]
) -> None:
    assert device.messages.parse(device.messages.request(number, kind, params)) == {
        "id": str(number),
        "version": "1.0",
        "method": "ota.device." + kind,
        "params": params,
    }


@quick
@given(JSON)
@example(None)
@example(10**400)
@example(True)
def test_upgrade_reply_echoes_an_id_that_is_text_or_a_whole_number_and_no_other(
    message_id: object,
) -> None:
    # What is nested may be too deep to be written again, and a float comes back as another one on a chip.
    reply = json.loads(device.messages.upgrade_reply({"id": message_id}))
    assert reply.pop("code") == 200
    assert (reply.pop("message"), reply.pop("data")) == ("", {})
    if isinstance(message_id, (str, int)):
        assert (reply["id"], type(reply["id"])) == (message_id, type(message_id))
    else:
        assert reply == {}


@quick
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_parse_any_bytes_gives_a_dict_or_value_error(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(device.messages.parse(payload), dict)


@quick
@given(JSON)
def test_meaning_any_code_is_text(code: object) -> None:
    # A list or an object is not hashable.
    assert isinstance(device.codes.meaning(code), str)


@quick
@given(
    st.sampled_from(["https", "mqtts", "mqtt"]),
    st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
    st.integers(0, 65535),
    st.from_regex(r"(/[ -~]{0,20})?", fullmatch=True),
)
def test_split_url_put_together_again_is_the_address(
    scheme: str, host: str, port: int, path: str
) -> None:
    url = f"{scheme}://{host}:{port}{path}" if port else f"{scheme}://{host}{path}"
    assert device.url.split_url(url) == (scheme, host, port, path)


@quick
@given(st.text(st.characters(max_codepoint=126), max_size=40))
def test_split_url_any_text_gives_parts_or_download_error(url: str) -> None:
    try:
        scheme, host, port, path = device.url.split_url(url)
    except device.errors.DownloadError:
        return
    assert host
    assert isinstance(port, int)
    assert path == "" or path.startswith("/")
    assert url.startswith(scheme + "://" + host)


# ---- firmware


@quick
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, FIELD)) | JSON)
@example({**COMMAND, "fileSize": float("inf")})
@example({**COMMAND, "fileSize": True})
def test_firmware_any_params_gives_a_firmware_or_a_declared_error(params: object) -> None:
    # JSON allows a fileSize of 1e999, of which int() makes an OverflowError.
    try:
        firmware = device.firmware.read(params)
    except (device.errors.UpgradeError, device.errors.VerifyError) as error:
        assert str(error)
        return
    assert firmware.sign_method in ("md5", "sha256")
    assert firmware.sign == firmware.sign.lower()
    assert firmware.version
    assert firmware.file_url
    assert firmware.size_bytes is None or type(firmware.size_bytes) is int


@quick
@given(JSON | st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, FIELD))))
@example([{**COMMAND, "fileSize": float("inf")}, COMMAND])
def test_firmwares_any_data_gives_a_list(data: object) -> None:
    # One unusable offer must not hide the others.
    offers = device.firmware.firmwares({"code": 200, "data": data})
    assert len(offers) <= (len(data) if isinstance(data, list) else 0)
    for offer in offers:
        assert vars(device.firmware.read(device.firmware.params_of(offer))) == vars(offer)


# ---- redirects

SEGMENT = st.from_regex(r"[a-z0-9_~-]{1,6}", fullmatch=True)
PATH = st.lists(SEGMENT, max_size=4).map(lambda parts: "".join("/" + part for part in parts))


@quick
@given(
    PATH, st.sampled_from(["", "?a=b", "?u=/x/y"]), PATH, st.sampled_from(["", "?a=b", "#there"])
)
@example("/a/b", "?u=/x/y", "/c", "?u=https://x/y#there")
def test_join_any_location_is_what_the_standard_library_joins(
    path: str, query: str, location: str, behind: str
) -> None:
    url = "https://files.example:8443" + (path or "/") + query
    for target in (location, location[1:], "//other" + location, "https://other" + location):
        if target:
            joined = urllib.parse.urldefrag(urllib.parse.urljoin(url, target + behind)).url
            assert device.redirect.join(url, target + behind) == joined


HOST = st.sampled_from(["a.example", "b.example", "A.Example", "b.example.evil", "b.example@evil"])
PORT = st.sampled_from(["", ":443", ":8443", ":80"])


@settings(deadline=None, max_examples=300)
@given(HOST, PORT, st.lists(st.builds(str.__add__, HOST, PORT), max_size=3), PATH)
def test_permitted_host_is_that_of_an_origin_or_on_the_list_with_its_port(
    host: str, port: str, hosts: list[str], path: str
) -> None:
    url = f"https://{host}{port}{path}"
    known = {"a.example:443", *(h.lower() + ("" if ":" in h else ":443") for h in hosts)}
    try:
        assert device.redirect.permitted(["", "https://a.example"], url, hosts) == url
        is_permitted = True
    except device.errors.DownloadError:
        is_permitted = False
    assert is_permitted == (host.lower() + (port or ":443") in known)


# ---- quoting


@quick
@given(TEXT)
def test_quote_any_text_is_what_the_standard_library_quotes(text: str) -> None:
    quoted = device.address.quote(text)
    assert quoted == urllib.parse.quote(text, safe="")
    assert urllib.parse.unquote(quoted) == text
