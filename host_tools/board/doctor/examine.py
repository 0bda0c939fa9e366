"""Ask a board everything, and judge it."""

from __future__ import annotations

from collections.abc import Callable

from host_tools.board.doctor import files, flash, trust, vm
from host_tools.board.doctor.finding import BLOCKER, Facts, Finding
from host_tools.board.errors import BoardCodeError, BoardError, BoardGoneError
from host_tools.board.port import Port

CALLS = ("vm", "memory", "nvs", "partitions", "files")
SLOW_S = 60
TLS_S = 15


def facts_of(
    port: Port,
    on_step: Callable[[str], None] = lambda step: None,
    with_tls: bool = True,
    with_trust: bool = False,
) -> Facts:
    """What an attached board tells of itself.

    `with_tls`: the memory that a TLS session takes, too; `with_trust`: and whom it trusts.
    Raises: BoardError.
    """
    port.load("probe")
    facts: Facts = {"on_trial": port.on_trial}
    for name in CALLS:
        on_step(name)
        try:
            facts[name] = port.call(name, timeout_s=SLOW_S)
        except BoardCodeError as error:
            raise BoardError(
                f"{port.url}: the board cannot tell its {name} ({error.last_line}): "
                "is it an ESP32 with MicroPython?"
            ) from None
    facts["flash"] = port.call("flash", flash.bootloader_address(vm.chip_of(facts)))
    if with_tls:
        on_step("TLS")
        port.attach()  # the questions above may have made the Python heap grow, out of what TLS needs
        facts["tls"] = _tls_memory(port)
    if with_trust:
        on_step("trust")
        facts["trust"] = _trust(port, isinstance(facts.get("tls"), str))
    return facts


def _trust(port: Port, was_lost: bool) -> Facts | str | None:
    """What `trust.look` finds, or why it cannot: all the rest is known by now."""
    try:
        if was_lost:
            port.attach()
        return trust.look(port)
    except BoardError as error:
        return str(error)


def _tls_memory(port: Port) -> list[list[int]] | str:
    """What the board tells of it, or why it cannot."""
    try:
        port.load("tls_memory")
        found: list[list[int]] = port.call("tls_memory", timeout_s=TLS_S)
        return found
    except BoardCodeError as error:
        return error.last_line
    except BoardGoneError:
        return "the chip restarted when Wi-Fi was switched on"


def judge(facts: Facts) -> list[Finding]:
    """Every finding, in the order it is shown."""
    return [*vm.checks(facts), *flash.checks(facts), *files.checks(facts), *trust.checks(facts)]


def blockers(findings: list[Finding]) -> list[Finding]:
    """Those that keep upgrades from working."""
    return [finding for finding in findings if finding.level == BLOCKER]
