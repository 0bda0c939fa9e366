"""Small boards for tests: a synthesised image, scripts as /boot.py and /main.py, a log to wait on."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import queue
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from host_tools.simboard import make
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip import otadata, partitions
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.supervisor import DEFAULT_VM_HEAP_BYTES, Board

DONE = "DONE"
WAIT_S = 15.0
OTA_0 = 0x10000
OTA_1 = 0x1E0000
OTADATA = 0xD000

# Put before a script: `show(name, thunk)` prints one result, `raised` ones as their class and args.
SHOW = """\
def show(name, thunk):
    try:
        print("=", name, repr(thunk()))
    except Exception as e:
        print("=", name, repr((type(e).__name__,) + e.args))
"""


def image(size: int = 2000, chip_id: int = 0, segments: int = 2, mark: bytes = b"") -> bytes:
    """An app image of the ESP32 format with `size` bytes of data; `mark` makes it another one."""
    parts = []
    for index in range(segments):
        length = (size // segments + 3) & ~3
        data = hashlib.sha256(mark + bytes([index])).digest() * (length // 32 + 1)
        parts.append((0x3FFB0000 + index * 0x1000, data[:length]))
    header = bytearray(24)
    header[0], header[1], header[23] = 0xE9, segments, 1
    struct.pack_into("<H", header, 12, chip_id)
    body, checksum = bytes(header), 0xEF
    for address, data in parts:
        body += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    body += bytes(15 - len(body) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()


class SimulatedBoard:
    """A board in `folder` whose console lines and events land in one list, `log`."""

    def __init__(
        self,
        folder: Path,
        main: str = "",
        boot: str = "",
        *,
        table: tuple[partitions.Entry, ...] = make.TABLES["ours"],
        slots: dict[int, bytes] | None = None,
        files: dict[str, bytes] | None = None,
        network: dict[str, Any] | None = None,
        heap_bytes: int = DEFAULT_VM_HEAP_BYTES,
        idf: str = "1.26.1",
        timing: str = "none",
    ) -> None:
        scripts = {"boot.py": boot.encode(), "main.py": (SHOW + main).encode()}
        flash = bytearray(make.flash_image(image(), table, {**scripts, **(files or {})}))
        for address, content in (slots or {}).items():
            flash[address : address + len(content)] = content
        wifi = [{"ssid": "demo", "password": "secret"}]
        make.write_board(
            folder,
            bytes(flash),
            {"hosts": {}, "ports": {}, "wifi": wifi, **(network or {})},
            idf=idf,
            timing=timing,
        )
        self.files = BoardFiles(folder)
        self.log: list[str | dict[str, Any]] = []
        self._queue: queue.Queue[str | dict[str, Any]] = queue.Queue()
        self.board = Board(folder, self._queue.put, self._queue.put, heap_bytes)

    # ---- running

    def __enter__(self) -> SimulatedBoard:
        self.board.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.board.power_off()
        while not self._queue.empty():
            self.log.append(self._queue.get())

    def until(self, wanted: str | Callable[[Any], bool], count: int = 1) -> None:
        """Wait for a console line that begins with a text, or for an event that a test accepts."""
        deadline = time.monotonic() + WAIT_S
        while count:
            try:
                entry = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {wanted!r} within {WAIT_S} s:\n{self}") from None
            self.log.append(entry)
            if isinstance(wanted, str):
                count -= isinstance(entry, str) and entry.startswith(wanted)
            else:
                count -= isinstance(entry, dict) and wanted(entry)

    def run(self, until: str | Callable[[Any], bool] = DONE) -> SimulatedBoard:
        """Power on, wait, power off."""
        with self:
            self.until(until)
        return self

    def __str__(self) -> str:
        return "\n".join(str(entry) for entry in self.log)

    # ---- looking

    @property
    def console(self) -> list[str]:
        """Lines that the board printed."""
        return [entry for entry in self.log if isinstance(entry, str)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of one kind."""
        return [e for e in self.log if isinstance(e, dict) and e["event"] == name]

    def boots(self) -> list[tuple[str, str]]:
        """(slot, cause) of every boot."""
        return [(e["slot"], e["cause"]) for e in self.events("boot")]

    def bootloader(self) -> str:
        """What the bootloader printed."""
        return "\n".join(e["text"] for e in self.events("bootloader"))

    def values(self) -> dict[str, Any]:
        """Results of `show`; those that are not literals as text."""
        found = {}
        for line in self.console:
            if line.startswith("= "):
                _, name, text = line.split(" ", 2)
                try:
                    found[name] = ast.literal_eval(text)
                except (ValueError, SyntaxError):
                    found[name] = text
        return found

    def flash(self, address: int, length: int) -> bytes:
        """Bytes of the flash file."""
        with self.files.open_flash() as file:
            file.seek(address)
            return file.read(length)

    def write_flash(self, address: int, content: bytes) -> None:
        """Change the flash file behind the board's back."""
        with self.files.open_flash() as file:
            file.seek(address)
            file.write(content)

    def otadata(self) -> list[tuple[int, int] | None]:
        """(sequence, state) of the two entries, None for an empty one."""
        with self.files.open_flash() as file:
            entries = otadata.read(Nor(file, FLASH_BYTES), OTADATA)
        return [None if e.sequence == otadata.EMPTY else (e.sequence, e.state) for e in entries]


def otadata_sectors(*entries: tuple[int, int] | None) -> bytes:
    """The otadata partition with (sequence, state) in its entries."""
    sectors = b""
    for entry in entries:
        raw = b"\xff" * 32
        if entry:
            sequence, state = entry
            crc = otadata.sequence_crc(sequence)
            raw = struct.pack("<I20sII", sequence, b"\xff" * 20, state, crc)
        sectors += raw + b"\xff" * (4096 - 32)
    return sectors


JOIN = """\
import network, time
sta = network.WLAN(network.STA_IF)
sta.active(True)
sta.connect("demo", "secret")
while not sta.isconnected():
    time.sleep_ms(5)
"""


class Server:
    """A TCP server on the loopback: `serve(connection)` runs for each connection in a thread."""

    def __init__(self, serve: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None):
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._serve(connection)


class Authority:
    """A certificate authority and one server certificate for `name`."""

    def __init__(self, folder: Path, name: str = "localhost") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"CA of {folder}")])
        ca = self._builder(self._issuer, key, True).sign(key, hashes.SHA256())
        self.der = ca.public_bytes(Encoding.DER)
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, own, False)
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = builder.add_extension(names, False).sign(key, hashes.SHA256())
        chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM))
        secret.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, secret)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, is_ca: bool
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(is_ca, None), True)
        )
