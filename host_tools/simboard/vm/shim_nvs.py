"""`esp32.NVS` (mpy:ports/esp32/esp32_nvs.c)."""

import _thread

from chip import errors, nvs, partitions
from chip.errors import esp_error
from vm_core import core
from vm_interrupt import hold, release


def _mount_nvs():
    entry = partitions.first(core.partitions, partitions.TYPE_DATA, partitions.SUBTYPE_NVS)
    return nvs.mount(core.flash, entry.address, entry.size) if entry else None


_storage = _mount_nvs()
_lock = _thread.allocate_lock()


class _Whole:
    """One thread at a time, and not interrupted."""

    def __enter__(self):
        hold()
        _lock.acquire()

    def __exit__(self, kind, value, trace):
        _lock.release()
        release()


_whole = _Whole()


class NVS:
    """Integers and blobs of one namespace."""

    def __init__(self, namespace):
        if _storage is None:
            raise esp_error(errors.NVS_NOT_INITIALIZED)
        with _whole:
            self._namespace = _storage.namespace(namespace)

    def __repr__(self):
        return "<NVS namespace>"

    def get_i32(self, key):
        """Value of an integer."""
        with _whole:
            return _storage.get_i32(self._namespace, key)

    def set_i32(self, key, value):
        """Store an integer."""
        value &= 0xFFFFFFFF
        with _whole:
            _storage.set_i32(self._namespace, key, value - ((value & 0x80000000) << 1))

    def get_blob(self, key, buffer):
        """Copy a blob into `buffer`; return its length."""
        with _whole:
            data = _storage.get_blob(self._namespace, key)
        if len(data) > len(buffer):
            raise esp_error(errors.NVS_INVALID_LENGTH)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def set_blob(self, key, value):
        """Store a blob."""
        if isinstance(value, str):
            value = value.encode()
        with _whole:
            _storage.set_blob(self._namespace, key, value)

    def erase_key(self, key):
        """Erase a value."""
        with _whole:
            _storage.erase_key(self._namespace, key)

    def commit(self):
        """Nothing: every value is in flash once it is set."""
