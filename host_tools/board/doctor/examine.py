"""Ask a board everything, and judge it."""

from __future__ import annotations

from collections.abc import Callable

from host_tools.board.doctor import files, flash, vm
from host_tools.board.doctor.finding import BLOCKER, Facts, Finding
from host_tools.board.errors import BoardCodeError, BoardError, BoardGoneError
from host_tools.board.port import Port

CALLS = ("vm", "memory", "nvs", "partitions", "files")
SLOW_S = 60
TLS_S = 15


def facts_of(
    port: Port, on_step: Callable[[str], None] = lambda step: None, with_tls: bool = True
) -> Facts:
    """What an attached board tells of itself; `with_tls`: the memory that a TLS session takes, too.

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
    if not with_tls:
        return facts
    on_step("TLS")
    try:
        port.load("tls_memory")
        facts["tls"] = port.call("tls_memory", timeout_s=TLS_S)
    except BoardCodeError as error:
        facts["tls"] = error.last_line
    except BoardGoneError:
        facts["tls"] = "the chip restarted when Wi-Fi was switched on"
    return facts


def judge(facts: Facts) -> list[Finding]:
    """Every finding, in the order it is shown."""
    return [*vm.checks(facts), *flash.checks(facts), *files.checks(facts)]


def blockers(findings: list[Finding]) -> list[Finding]:
    """Those that keep upgrades from working."""
    return [finding for finding in findings if finding.level == BLOCKER]
