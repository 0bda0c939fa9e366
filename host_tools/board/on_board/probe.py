"""What `doctor` must know of a board: numbers and names, no judgement and no secret."""

import binascii
import gc
import hashlib
import json
import os
import struct
import sys
import time

import esp32
import machine

EPOCH_2000_S = 946_684_800


def vm():
    """MicroPython itself: its version, machine, .mpy version, modules."""
    impl = sys.implementation
    try:
        import umqtt.simple

        umqtt_version = getattr(umqtt.simple, "__version__", "unknown")
    except ImportError:
        umqtt_version = None
    missing = []
    for name in ("tls", "deflate", "asyncio", "ntptime", "network", "vfs"):
        try:
            __import__(name)
        except ImportError:
            missing.append(name)
    for name in ("md5", "sha256"):
        if not hasattr(hashlib, name):
            missing.append("hashlib." + name)
    return {
        "version": list(impl.version[:3]),
        "machine": os.uname().machine,
        "build": os.uname().version,
        "mpy": getattr(impl, "_mpy", 0),
        "umqtt": umqtt_version,
        "missing": missing,
        "reset_cause": machine.reset_cause(),
        "unix_s": time.time() + EPOCH_2000_S,
        "mac": binascii.hexlify(machine.unique_id()).decode(),
    }


def memory():
    """What Python uses, and [total, free, largest block, lowest] of the IDF heap's best region; in bytes."""
    gc.collect()
    return [gc.mem_alloc(), list(max(esp32.idf_heap_info(esp32.HEAP_DATA)))]


def image_length(part):
    """Length in bytes of the app image in a partition; 0 where there is none."""
    head = bytearray(24)
    part.readblocks(0, head, 0)
    if head[0] != 0xE9 or head[1] > 16:
        return 0
    end = 24
    for _ in range(head[1]):
        segment = bytearray(8)
        part.readblocks(0, segment, end)
        end += 8 + struct.unpack("<4xI", segment)[0]
        if end > part.info()[3]:
            return 0
    return (end | 15) + 1 + (32 if head[23] else 0)


def app(part):
    """One app partition: its image and its release record."""
    _, subtype, address, size, label, encrypted = part.info()
    found = {"subtype": subtype, "address": address, "size": size, "label": label}
    found["encrypted"] = bool(encrypted)
    found["image_bytes"] = length = image_length(part)
    if length:
        head = bytearray(288)
        part.readblocks(0, head, 0)
        found["chip_id"] = struct.unpack_from("<H", head, 12)[0]
        found["idf"] = head[144:176].split(b"\0")[0].decode()
        found["elf"] = binascii.hexlify(head[176:208]).decode()
        found["version"] = record_version(part, length)
    return found


def record_version(part, length):
    """Version in the release record behind the image; None without one."""
    start = (length + 4095) & ~4095
    if start + 4096 > part.info()[3]:
        return None
    record = bytearray(176)
    digest = bytearray(32)
    part.readblocks(0, record, start)
    part.readblocks(0, digest, length - 32)
    if record[:4] != b"EnRR" or record[48:80] != digest:
        return None
    return record[112:176].split(b"\0")[0].decode()


def nvs():
    """[number, text] of what keeps a value from being kept in NVS; None when one can be."""
    try:
        store = esp32.NVS("enos_boot")
        store.set_blob("doctor", bytes(64))
        store.commit()
        store.erase_key("doctor")
        store.commit()
    except OSError as error:
        return [error.errno, str(error)]


def partitions():
    """The table, the running and the selected partition, and both entries of otadata."""
    part = esp32.Partition
    found = {
        "apps": [app(p) for p in part.find(part.TYPE_APP)],
        "data": [list(p.info()) for p in part.find(part.TYPE_DATA)],
        "running": part(part.RUNNING).info()[4],
        "boot": None,
        "otadata": [],
    }
    try:
        found["boot"] = part(part.BOOT).info()[4]
    except OSError:
        pass
    for data in part.find(part.TYPE_DATA, 0)[:1]:
        for sector in (0, 1):
            entry = bytearray(32)
            data.readblocks(sector, entry)
            seq, state, crc = struct.unpack("<I20xII", entry)
            good = crc == binascii.crc32(entry[:4], 0xFFFFFFFF)
            found["otadata"].append([seq, state, good])
    return found


def flash(bootloader_at):
    """Flash size by the header that runs, and the first bytes of the bootloader; None where unreadable."""
    try:
        import esp

        head = bytearray(256)
        esp.flash_read(bootloader_at, head)
        return {"size": esp.flash_size(), "bootloader": binascii.hexlify(head).decode()}
    except (ImportError, AttributeError, OSError):
        return None


def root_kind():
    """What the root's partition is formatted as: "littlefs" or "fat"; None where that cannot be told."""
    head = bytearray(512)
    try:
        part = esp32.Partition
        found = part.find(part.TYPE_DATA, label="vfs") or part.find(part.TYPE_DATA, label="ffat")
        found[0].readblocks(0, head, 0)
    except (OSError, IndexError):
        return None
    if head[8:16] == b"littlefs":
        return "littlefs"
    return "fat" if head[510:] == b"\x55\xaa" else None


def files():
    """The root file system: sizes in bytes, and what lies there that matters."""
    try:
        stat = os.statvfs("/")
    except OSError:
        stat = (4096, 0, 0, 0)  # nothing is mounted there
    found = {"block": stat[0], "blocks": stat[2], "free": stat[3], "names": sorted(os.listdir("/"))}
    found["kind"] = root_kind()
    for name in ("boot.py", "main.py"):
        found[name] = stub("/" + name)
    # Only our boot.py does this. MicroPython makes a /boot.py even where a frozen one comes before it.
    ran = sys.path[:1] in (["/app"], ["/rescue"]) and "files_trouble" in globals()
    is_file = found["boot.py"] is not None and found["boot.py"][0].startswith("# Stub ABI ")
    found["frozen_stubs"] = ran and not is_file
    try:
        import enos_ota

        found["agent"] = enos_ota.__file__
    except (ImportError, AttributeError):
        found["agent"] = None
    found["settings"] = [settings("/enos.json"), settings("/enos.bak")]
    return found


def stub(path):
    """[first line, whether there is more than comments, SHA-256, that of all but the first line], or None.

    The last one only where the first line is that of one of our stubs.
    """
    digest = hashlib.sha256()
    first = ""
    has_code = False
    is_fresh = True  # nothing but blanks in the line so far
    # By pieces, and no decode(): it may be one line of 100 KB, and no UTF-8.
    piece = memoryview(bytearray(512))
    try:
        with open(path, "rb") as file:
            head = file.read(100).lstrip()
            for byte in head:
                if byte in (10, 13):
                    break
                first += chr(byte) if 32 <= byte < 127 else "?"
            file.seek(0)
            while True:
                size = file.readinto(piece)
                if not size:
                    break
                digest.update(piece[:size])
                for byte in () if has_code else piece[:size]:
                    if byte in (10, 13):
                        is_fresh = True
                    elif is_fresh and byte not in (9, 32):
                        is_fresh = False
                        has_code = has_code or byte != 35
            body = hashlib.sha256()
            if first.startswith("# Stub ABI"):
                file.seek(0)
                file.readline()
                while True:
                    size = file.readinto(piece)
                    if not size:
                        break
                    body.update(piece[:size])
    except OSError:
        return None
    return [first, has_code] + [binascii.hexlify(d.digest()).decode() for d in (digest, body)]


def settings(path):
    """Those settings that are no secrets; a text where they cannot be read, None where there are none."""
    try:
        with open(path) as file:
            value = json.load(file)
        shown = {
            name: value.get(name)
            for name in ("product_key", "device_key", "mqtt", "network", "ntp", "watchdog_s")
        }
        shown["wifi"] = [entry.get("ssid") for entry in value.get("wifi", [])]
        shown["digest"] = binascii.hexlify(hashlib.sha256(json.dumps(value)).digest()).decode()
        return shown
    except OSError:
        return None
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
