"""Faults of MQTT packets on their way to a device, and of the messages in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from . import wire
from .envelope import encode
from .faults import Armed, Faults

CONNACK, PUBLISH, SUBACK, UNSUBACK, PINGRESP = 0x20, 0x30, 0x90, 0xB0, 0xD0
CONNACK_ACCEPTED = 0
GARBAGE = b'{"id":"1","code":2'


class PacketGate:
    """What all packets to one connection pass, each whole; `who` names its device.

    `mute` is true once a fault made the connection fall silent.
    """

    def __init__(
        self, writer: asyncio.StreamWriter, faults: Faults, who: Callable[[], str]
    ) -> None:
        self._writer, self._faults, self._who = writer, faults, who
        self._slow = bytearray()
        self._behind: list[bytes] = []
        self.mute = False

    def send(self, packet: bytes) -> None:
        """Send a packet, unless a fault has it otherwise."""
        if self._slow:
            self._behind.append(packet)
        elif not self.mute:
            self._pass(packet)

    def _pass(self, packet: bytes) -> None:
        kind = packet[0] & 0xF0
        if kind == PUBLISH:
            self._publish(packet)
        elif kind == CONNACK and packet[3] == CONNACK_ACCEPTED:
            self._answer(packet, "mqtt_no_connack", lasting=True)
        elif kind == PINGRESP:
            self._answer(packet, "mqtt_no_pingresp", lasting=True)
        elif kind == SUBACK:
            self._answer(packet, "mqtt_no_suback", lasting=False)
        else:
            self._writer.write(packet)

    def _answer(self, packet: bytes, fault: str, *, lasting: bool) -> None:
        if self._strike(fault):
            self.mute = lasting
        else:
            self._writer.write(packet)

    def _publish(self, packet: bytes) -> None:
        if self._strike("mqtt_drop"):
            self.mute = True
            wire.finish(self._writer.transport)
        elif self._strike("mqtt_half"):
            self.mute = True
            self._writer.write(packet[: len(packet) // 2])
        elif self._strike("mqtt_half_close"):
            self.mute = True
            self._writer.write(packet[: len(packet) // 2])
            wire.finish(self._writer.transport)
        elif struck := self._strike("mqtt_trickle"):
            self._slow += packet
            self._drip(struck.value / 1000)
        else:
            self._writer.write(packet)

    def _drip(self, pause_s: float) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(bytes(self._slow[:1]))
        del self._slow[:1]
        if self._slow:
            asyncio.get_running_loop().call_later(pause_s, self._drip, pause_s)
            return
        behind, self._behind = self._behind, []
        for packet in behind:
            self.send(packet)

    def _strike(self, name: str) -> Armed | None:
        return self._faults.strike(name, self._who())


class MessageFaults:
    """Faults of what the OTA service says."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def twice(self, who: str) -> bool:
        """Whether an upgrade is to be published once more."""
        return self._faults.strike("cmd_duplicate", who) is not None

    def described(self, who: str, firmware: dict[str, Any]) -> dict[str, Any]:
        """A firmware object as the device is to get it."""
        given = dict(firmware)

        def strike(name: str) -> Any:
            return self._faults.strike(name, who)

        if strike("cmd_sign"):
            last = given["sign"][-1]
            given["sign"] = given["sign"][:-1] + ("1" if last == "0" else "0")
        if struck := strike("cmd_size"):
            given["fileSize"] += struck.value
        if strike("cmd_size_text"):
            given["fileSize"] = str(given["fileSize"])
        for name, field in (
            ("cmd_method", "signMethod"), ("cmd_url", "fileUrl"), ("cmd_version", "version")
        ):  # fmt: skip
            if struck := strike(name):
                given[field] = struck.value
        if struck := strike("cmd_big"):
            given["extra"] = "x" * struck.value
        if strike("cmd_size_absent"):
            given.pop("fileSize", None)
        if struck := strike("cmd_missing"):
            given.pop(struck.value, None)
        return given

    def replied(self, who: str, tail: str, reply: dict[str, Any]) -> bytes | None:
        """Payload of the reply to a request's topic, None for none."""

        def strike(name: str) -> Any:
            return self._faults.strike(
                name, who, lambda armed: armed.value.partition(":")[0] in (tail, "all")
            )

        if strike("reply_none"):
            return None
        if strike("reply_garbage"):
            return GARBAGE
        if struck := strike("reply_code"):
            reply = reply | {"code": int(struck.value.partition(":")[2])}
        if str(reply.get("id")).isdecimal() and strike("reply_id_number"):
            reply = reply | {"id": int(reply["id"])}
        return encode(reply)
