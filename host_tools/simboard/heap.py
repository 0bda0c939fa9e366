"""What the shims themselves take of the VM's heap: measured, not guessed, and not charged."""

from __future__ import annotations

import os
from typing import Any

from host_tools.simboard.board_files import BoardFiles
from host_tools.simboard.chip import partitions
from host_tools.simboard.process import Vm, umqtt_folder

MEASURING_HEAP_BYTES = 2 << 20
TABLE_SHARE = 80
"""One byte of 80 in the heap is the collector's own table; so it is on the chip."""
BEFORE_BOOTSTRAP_BYTES = 8192
"""What the VM takes before the first line of our code."""
SLACK_BYTES = 192 * 1024
"""Work space of the compiler while the shims load; the bootstrap takes it out of use afterwards."""
_measured: dict[str, int] = {}


def bootstrap_bytes(files: BoardFiles, board: dict[str, Any]) -> int:
    """Heap up to the end of what is live before boot.py: one measuring start per session."""
    key = str(umqtt_folder())
    if key not in _measured:
        _measured[key] = _measure(files, board)
    return _measured[key]


def _measure(files: BoardFiles, board: dict[str, Any]) -> int:
    with files.open_flash() as file:
        table = bytearray(partitions.TABLE_BYTES)
        file.seek(partitions.TABLE_ADDRESS)
        file.readinto(table)
    slot = partitions.find(partitions.decode(table), partitions.TYPE_APP)[0].label
    config = {**files.vm_config(board, slot, 1, {}), "measure": True}
    config["heap_bytes"] = MEASURING_HEAP_BYTES
    vm = Vm(MEASURING_HEAP_BYTES, files.clock, config)
    try:
        message = os.read(vm.control_fd, 4096).decode()
        vm.kill()
        vm.reap()
        if not message.startswith("live "):
            text = os.read(vm.console_fd, 65536).decode(errors="replace")
            raise RuntimeError(f"the simulated board does not start: {message}{text}")
    finally:
        vm.close()
    used = int(message[5:]) + BEFORE_BOOTSTRAP_BYTES
    return used + used // TABLE_SHARE
