"""The pure modules of the device under CPython: properties, and the host's own code as a second opinion."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import sys
import types
import urllib.parse
import zlib
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_tools import paths
from host_tools.release import image as host_image
from host_tools.release import record as host_record
from host_tools.release.synth import LAYOUTS, synth_vm
from host_tools.simboard.chip import image as chip_image


def _device_modules() -> types.SimpleNamespace:
    """The device's modules, imported without leaving a trace in `sys.modules` and `sys.path`."""
    shims = {}
    for name, content in (
        ("micropython", {"const": lambda value: value}),
        ("esp32", {"NVS": object, "Partition": object}),
        ("machine", {}),
        ("network", {}),
        ("tls", {}),
    ):
        shims[name] = types.ModuleType(name)
        vars(shims[name]).update(content)
    with (
        mock.patch.dict(sys.modules, shims),
        mock.patch.object(sys, "path", [str(paths.DEVICE), *sys.path]),
    ):
        from enos_ota import address, codes, errors, firmware, identity, image, messages, preflight

        return types.SimpleNamespace(
            address=address,
            errors=errors,
            firmware=firmware,
            identity=identity,
            image=image,
            messages=messages,
            codes=codes,
            preflight=preflight,
        )


device = _device_modules()

quick = settings(deadline=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KEY = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="|&"),
    min_size=1,
    max_size=64,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
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


class Slot:
    """Bytes as a partition; beyond them the flash is blank."""

    def __init__(self, data: bytes, size: int = 0x1D0000) -> None:
        self.data = data
        self.size = size

    def info(self) -> tuple[int, int, int, int, str, bool]:
        return (0, 0x11, 0x1E0000, self.size, "ota_1", False)

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        start = block * 4096 + offset
        if start + len(buf) > self.size:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        piece = self.data[start : start + len(buf)]
        buf[:] = piece + b"\xff" * (len(buf) - len(piece))


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
def test_upgrade_reply_any_id_is_echoed(message_id: object) -> None:
    reply = json.loads(device.messages.upgrade_reply({"id": message_id}))
    assert reply["id"] == message_id
    assert type(reply["id"]) is type(message_id)
    assert reply["code"] == 200


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
    assert device.messages.split_url(url) == (scheme, host, port, path)


@quick
@given(st.text(st.characters(max_codepoint=126), max_size=40))
def test_split_url_any_text_gives_parts_or_download_error(url: str) -> None:
    try:
        scheme, host, port, path = device.messages.split_url(url)
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


# ---- quoting


@quick
@given(TEXT)
def test_quote_any_text_is_what_the_standard_library_quotes(text: str) -> None:
    quoted = device.address.quote(text)
    assert quoted == urllib.parse.quote(text, safe="")
    assert urllib.parse.unquote(quoted) == text


# ---- image and record, against the host's own reader and writer


@pytest.fixture(scope="module")
def vm() -> bytes:
    return synth_vm(16384)


def _release(vm: bytes, version: str = "1.2.0-β", **changes: int) -> tuple[bytes, bytes]:
    """Image with padding, and its record sector."""
    fields = {
        "image_length": len(vm),
        "appfs_offset": 0,
        "appfs_size_bytes": 0,
        "appfs_block_size": 0,
        "appfs_block_count": 0,
        "stub_abi": 1,
        "chip_id": 0,
        "sequence": 7,
        "min_sequence": 0,
        "build_time": 1_700_000_000,
        "image_sha256": vm[-32:],
        "appfs_sha256": bytes(32),
        "version": version,
        "product": "pump",
    }
    sector = host_record.pack(host_record.ReleaseRecord(**{**fields, **changes}))
    return vm + b"\xff" * (-len(vm) % 4096), sector


def _read(data: bytes) -> tuple[str, int] | None:
    slot = Slot(data)
    return device.image.read_record(slot, device.image.Image(slot))


def test_image_of_the_host_is_walked_as_the_host_walks_it(vm: bytes) -> None:
    mine = device.image.Image(Slot(vm))
    theirs = host_image.parse_image(vm)
    assert mine.length_bytes == len(vm)
    assert theirs.length == len(vm)
    assert mine.digest == vm[-32:]
    assert mine.elf_digest == vm[176:208]


@quick
@given(
    version=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20),
    when=st.integers(0, 2**32 - 1),
)
def test_record_of_the_host_is_read(vm: bytes, version: str, when: int) -> None:
    image, sector = _release(vm, version, build_time=when)
    assert _read(image + sector) == (version, when)


@quick
@given(at=st.integers(0, 239), bit=st.integers(0, 7))
def test_record_with_any_bit_flipped_is_none(vm: bytes, at: int, bit: int) -> None:
    image, sector = _release(vm)
    damaged = bytearray(sector)
    damaged[at] ^= 1 << bit
    assert _read(image + bytes(damaged)) is None


@quick
@given(body=st.binary(min_size=228, max_size=400), belongs=st.booleans())
def test_record_of_any_content_with_a_right_crc_gives_a_record_none_or_verify_error(
    vm: bytes, body: bytes, belongs: bool
) -> None:
    # The version need not be UTF-8.
    image, _ = _release(vm)
    if belongs:
        body = struct.pack("<I", len(vm)) + body[4:36] + vm[-32:] + body[68:]
    sector = b"EnRR" + struct.pack("<HHI", 1, len(body) + 12, zlib.crc32(body)) + body
    try:
        found = _read(image + sector)
    except device.errors.VerifyError:
        return
    assert found is None or (belongs and isinstance(found[0], str))


@quick
@given(st.binary(max_size=400))
def test_image_any_bytes_give_an_image_or_verify_error(data: bytes) -> None:
    for start in (b"", b"\xe9\x01", b"\xe9\x10"):
        try:
            image = device.image.Image(Slot(start + data))
        except device.errors.VerifyError:
            continue
        assert 0 < image.length_bytes <= 0x1D0000


@quick
@given(
    segments=st.lists(st.integers(0, 0x8000) | st.integers(0, 0xFFFFFFFF), min_size=1, max_size=16),
    hashed=st.booleans(),
)
def test_image_any_segment_lengths_give_an_image_within_the_slot_or_verify_error(
    segments: list[int], hashed: bool
) -> None:
    head = bytearray(24)
    head[0:2] = bytes((0xE9, len(segments)))
    head[23] = hashed
    size = 0x10000
    flash = bytearray(b"\xff" * size)
    flash[:24] = head
    at = 24
    for length in segments:
        if at + 8 > size:
            break
        flash[at : at + 8] = struct.pack("<II", 0x3FFB0000, length)
        at += 8 + length
    try:
        image = device.image.Image(Slot(bytes(flash), size))
    except device.errors.VerifyError:
        return
    assert image.length_bytes <= size
    assert image.length_bytes % 16 == 0
    assert len(image.digest) == (32 if hashed else 0)


# ---- preflight, against the host's image maker and the chip's own check


def _preflight(data: bytes, total: int | None = None, running: bytes | None = None) -> None:
    """Judge `data` by its first 288 bytes on the board that runs `running`, or else `data` itself."""
    head = memoryview(data)[:288]
    device.preflight.check(head, len(data) if total is None else total, (running or data)[:24])


@pytest.mark.parametrize("chip", sorted(LAYOUTS))
def test_preflight_of_the_hosts_images_accepts_its_own_chip_and_names_any_other(
    vm: bytes, chip: str
) -> None:
    image = synth_vm(16384, chip)
    _preflight(image)
    if chip == "esp32":
        return
    with pytest.raises(device.errors.UpgradeError) as refusal:
        _preflight(image, running=vm)
    name = chip.upper().replace("ESP32", "ESP32-")
    assert str(refusal.value) == f"image for {name}, not ESP32"


@quick
@given(st.binary(max_size=400), st.integers(0, 2**31))
def test_preflight_any_bytes_are_accepted_or_refused_by_a_declared_error(
    vm: bytes, data: bytes, total: int
) -> None:
    for start in (b"", vm[:1], vm[:12], vm[:24], vm[:36]):
        with contextlib.suppress(device.errors.UpgradeError, device.errors.VerifyError):
            _preflight(start + data, total, vm)
            assert len(start + data) >= 288


@settings(deadline=None, max_examples=400)
@given(at=st.integers(0, 35), byte=st.integers(0, 255))
@example(at=1, byte=0)
@example(at=1, byte=17)
@example(at=12, byte=9)
@example(at=28, byte=0xFF)
@example(at=31, byte=1)
def test_preflight_of_a_damaged_head_agrees_with_the_chip(vm: bytes, at: int, byte: int) -> None:
    # Nothing that the bootloader takes is refused, and of what it refuses only what takes more than the
    # head to see: limits of a revision that Python cannot ask for, addresses, other segments.
    data = bytearray(vm)
    data[at] = byte

    def read(offset: int, buffer: bytearray) -> None:
        if offset + len(buffer) > len(data):
            raise chip_image.ImageError("beyond the file")
        buffer[:] = data[offset : offset + len(buffer)]

    try:
        chip_image.walk(read, len(data))
        boots = data[1] > 0 and data[28:32] != bytes(4) and data[32:36] == vm[32:36]
    except chip_image.ImageError:
        boots = False
    try:
        _preflight(bytes(data), running=vm)
        accepted = True
    except (device.errors.UpgradeError, device.errors.VerifyError):
        accepted = False
    assert accepted or not boots
    unseen = at in (1, *range(15, 19), *range(24, 32))
    assert boots or not accepted or (unseen and 0 < data[1] <= 16)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 0xFFFF) | st.integers(0, 4), min_size=4, max_size=4))
@example([0, 0, 300, 399])
@example([300, 0xFFFF, 0, 299])
def test_preflight_of_any_revisions_refuses_only_what_this_chip_cannot_be(
    vm: bytes, bounds: list[int]
) -> None:
    def image(least: int, most: int) -> bytes:
        return vm[:15] + struct.pack("<HH", least, most) + vm[19:]

    def allowed(least: int, most: int) -> range:
        return range(least, 0x10000 if most in (0, 0xFFFF) else most + 1)

    wanted, known = allowed(*bounds[:2]), allowed(*bounds[2:])
    if not wanted or not known:
        return
    common = max(wanted[0], known[0]) <= min(wanted[-1], known[-1])
    try:
        _preflight(image(*bounds[:2]), running=image(*bounds[2:]))
        assert common
    except device.errors.UpgradeError:
        assert not common


@quick
@given(size=st.integers(0, 0x9000) | st.integers(0, 0xFFFFFFFF), total=st.integers(288, 0x9000))
@example(size=512, total=544)
@example(size=512, total=545)
def test_preflight_of_any_first_segment_agrees_with_the_walk(
    vm: bytes, size: int, total: int
) -> None:
    data = vm[:28] + struct.pack("<I", size) + vm[32:]
    try:
        end = device.image.next_segment(Slot(data), 24, total)
        assert 32 <= end == 32 + size < total
        assert size % 4 == 0
    except device.errors.VerifyError:
        end = 32
    try:
        _preflight(data, total, vm)
        accepted = True
    except device.errors.VerifyError:
        accepted = False
    assert accepted == (end > 32)
