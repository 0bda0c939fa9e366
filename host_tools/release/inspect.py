"""Explain any file that someone might hand to EnOS as firmware."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from host_tools.release import fullflash, record, signature, trust
from host_tools.release.check import Checked, check_release
from host_tools.release.errors import ImageError, RecordError
from host_tools.release.image import MAGIC, AppImage, micropython_version, parse_image
from host_tools.release.make import OLDEST, SLOT_BYTES, is_old
from host_tools.release.record import ReleaseRecord
from host_tools.release.signature import Block

Facts = list[tuple[str, str]]


@dataclass
class Report:
    """What a file is, facts about it, what is wrong, and what a device would answer."""

    kind: str
    size: int
    md5: str
    sha256: str
    facts: Facts = field(default_factory=list)
    files: tuple[tuple[str, int], ...] = ()
    problems: list[str] = field(default_factory=list)
    device: str = ""
    recognised: bool = True
    record: ReleaseRecord | None = None
    signatures: tuple[Block, ...] = ()
    trust: dict[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """True when the file is whole and of a known kind."""
        return self.recognised and not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        result = asdict(self)
        result["facts"] = dict(self.facts)
        result["files"] = [{"path": path, "bytes": size} for path, size in self.files]
        result["record"] = self.record.as_json() if self.record else None
        result["signatures"] = [
            {
                "key_digest": block.key_digest.hex(),
                "valid": not block.problem,
                "problem": block.problem,
            }
            for block in self.signatures
        ]
        return result | {"sound": self.sound}


def explain(data: bytes, slot_size: int = SLOT_BYTES) -> Report:
    """Return the report on the bytes of a file; any bytes get one."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    report = Report("", len(data), md5, hashlib.sha256(data).hexdigest())
    if fullflash.is_full_flash(data):
        _explain_full_flash(data, report)
        return report
    try:
        checked = check_release(data)
    except ImageError as error:
        _explain_damaged(data, report, str(error))
        return report
    report.facts += _image_facts(data, checked.image)
    report.problems += checked.problems
    if checked.is_plain:
        _explain_vm(report, checked.image)
    else:
        _explain_release(data, report, checked)
    _explain_signatures(report, checked)
    if not report.problems and len(data) > slot_size:
        over = len(data) - slot_size
        report.problems.append(f"{over:,} bytes more than a slot of {slot_size:,}")
        report.device = f"refuses it, step -1: larger than the slot by {over:,} bytes"
    return report


def _explain_full_flash(data: bytes, report: Report) -> None:
    report.kind = "full-flash image: for a cable, not for an upgrade"
    report.device = "refuses it, step -3: not an app image (take micropython.bin)"
    table = fullflash.find_table(data)
    if table is None:
        report.facts.append(("partition table", "none at 0x8000"))
        return
    for part in table.partitions:
        where = f"0x{part.offset:06X} + 0x{part.size:06X}  type {part.type}/0x{part.subtype:02X}"
        report.facts.append((part.label, where + _slot_content(data, table, part)))


def _slot_content(data: bytes, table: fullflash.FlashTable, part: fullflash.Partition) -> str:
    if part.type != fullflash.TYPE_APP:
        return ""
    content = data[max(part.offset - table.base, 0) :][: part.size]
    if not content.strip(b"\xff"):
        return "  blank"
    try:
        image = parse_image(content)
    except ImageError as error:
        return f"  {error}"
    version = micropython_version(content[: image.length]) or "?"
    text = f"  {image.chip}, MicroPython {version}, {image.length:,} bytes"
    try:
        return f"{text}, release {record.unpack(content[record.padded(image.length) :]).version}"
    except RecordError:
        return text


def _explain_damaged(data: bytes, report: Report, why: str) -> None:
    report.problems.append(why)
    report.device = f"refuses it, step -3: {why}"
    report.recognised = data[:1] == bytes((MAGIC,))
    report.kind = "damaged app image" if report.recognised else "not firmware"
    try:
        entry = record.unpack(signature.split(data)[0][-record.SECTOR_BYTES :])
    except RecordError:
        return
    report.kind = "damaged release"
    _add_record(report, entry)


def _explain_vm(report: Report, image: AppImage) -> None:
    report.kind = "plain VM image, no release record"
    report.device = "takes it, keeps the version that EnOS commands"
    if not image.sha256:
        report.facts.append(("note", "no appended SHA-256: cannot be made into a release"))


def _explain_release(data: bytes, report: Report, checked: Checked) -> None:
    report.kind = "release" if not checked.problems else "damaged release"
    report.files = tuple((path, len(content)) for path, content in checked.files.items())
    if checked.record is None:
        report.kind = "app image followed by something that is no release"
        report.problems[:] = [
            f"{len(data) - checked.image.length:,} bytes behind the image, and no release record"
        ]
    else:
        _add_record(report, checked.record)
    report.trust = checked.trust
    report.facts += trust.rows(checked.trust, checked.files)
    report.device = f"takes it on an {checked.image.chip}, when the command names this version"


def _explain_signatures(report: Report, checked: Checked) -> None:
    blocks = report.signatures = checked.signatures
    if report.problems:
        report.device = f"refuses it, step -3: {report.problems[0]}"
    elif blocks:
        report.device += ", and it trusts one of the keys"
    else:
        report.device += "; refuses it, step -3, where a signature is required"
    count = sum(not block.problem for block in blocks)
    text = f"signed by {count} key{'s' * (count != 1)}" if blocks else "not signed"
    report.facts.append(("signature", text + ", valid" * bool(count)))
    for number, block in enumerate(blocks):
        valid = "" if not block.problem else "\ninvalid: " + block.problem
        report.facts.append((f"key {number}", block.key_digest.hex() + valid))


def _image_facts(data: bytes, image: AppImage) -> Facts:
    version = micropython_version(data[: image.length])
    text = f"MicroPython {version}" if version else "names no MicroPython version"
    if version and is_old(version):
        text += f" (too old: releases need {OLDEST})"
    facts = [
        ("VM", f"{text}, {image.chip}"),
        ("image", f"{image.length:,} bytes, {len(image.segments)} segments"),
        ("checksum", f"0x{image.checksum:02X} right" + (", SHA-256 right" * bool(image.sha256))),
    ]
    about = image.descriptor
    if about is not None:
        facts.append(("built", f"{about.date} {about.time}, ESP-IDF {about.idf_version}"))
        facts.append(("ELF SHA-256", about.elf_sha256.hex()))
    return facts


def _add_record(report: Report, entry: ReleaseRecord) -> None:
    report.record = entry
    time = datetime.fromtimestamp(entry.build_time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    order = f"{entry.sequence} (min_sequence {entry.min_sequence})"
    blocks = f"{entry.appfs_block_count} blocks of {entry.appfs_block_size}"
    report.facts += [
        ("version", entry.version),
        ("product", entry.product or "any"),
        ("sequence", order if entry.min_sequence else str(entry.sequence)),
        ("made", time),
        ("stub ABI", str(entry.stub_abi)),
        (
            "app files",
            f"{entry.appfs_size_bytes:,} bytes at 0x{entry.appfs_offset:X}, {blocks}",
        ),
    ]
