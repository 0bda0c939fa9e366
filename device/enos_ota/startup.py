"""What happened before this boot, found out once: which version runs, and what became of an upgrade."""

from micropython import const

from . import board, journal, otadata
from .errors import RolledBackError
from .image import Image, read_record
from .log import log

_BOOTS = const(11)  # of an image on trial: the first, and wakes from deep sleep


def look_back(version: str, watchdog_s: int) -> tuple:
    """What happened before this boot: (version, floor_s, on_trial, word, order).

    watchdog_s: what /boot.py shall arm in every boot. version: of the record, or as given.
    floor_s: build time in Unix seconds. word: (step, desc) owed to EnOS, or None. order: params of a command
    that is still to be obeyed, or None; `unfinished` in it where a reset cut it short. Power cut: safe to repeat.
    """
    on_trial, word = _tolerate(_recover, (False, None))
    found, floor_s = _tolerate(_identify, ("", 0))
    version = found or version
    log("I", "version " + version)
    _tolerate(lambda: _keep_watchdog(b"%d" % watchdog_s), None)
    if not on_trial:
        _tolerate(_forget_why, None)
    return version, floor_s, on_trial, word, _tolerate(_order, None)


def _tolerate(function, otherwise):
    # A board that cannot tell its past must still reach EnOS.
    try:
        return function()
    except Exception as error:
        log("E", "look back: %r" % error)
        return otherwise


def _forget_why() -> None:
    if board.load_blob("why", board.STUBS).strip():
        board.save_blob("why", b" ", board.STUBS)


def _keep_watchdog(wanted: bytes) -> None:
    if board.load_blob("wdt_s", board.STUBS) != wanted:
        board.save_blob("wdt_s", wanted, board.STUBS)


def _identify() -> tuple:
    slot = board.running()
    image = Image(slot)
    record = read_record(slot, image)
    if record:
        return record.version, record.build_time
    # A plain image: the version that EnOS commanded was kept with the image's ELF digest.
    kept = board.load_blob("plain%d" % board.slot_index(slot))
    return (kept[32:].decode() if kept[:32] == image.elf_digest else ""), 0


def _order():
    # The newest command counts; then what was at work.
    entry = journal.load()
    order = journal.load_command(journal.NEXT)
    if order or entry["state"] in (journal.TRIAL, journal.REPORT):
        return order or None
    order = journal.load_command()
    if not order and entry["state"]:
        order = {
            "version": entry["version"],
            "sign": entry["sign"],
            "fileSize": entry["size"] or None,
        }
        order["signMethod"] = "md5" if len(entry["sign"]) == 32 else "sha256"
        order["fileUrl"] = "address-lost://"  # NVS had no room for it
    return dict(order, unfinished=True) if order else None


def _recover() -> tuple:
    entry = journal.load()
    if otadata.on_trial():
        # Or the power was cut while this slot was selected again: that is no trial.
        if not entry["heal"] and (entry["state"] != journal.TRIAL or _runs(entry)):
            log("I", "this image is on trial")
            _count_boot(entry)
            return True, _owed(entry)
        otadata.confirm()
    fell_back = not board.is_selected(board.running())
    if fell_back:
        log("W", "the bootloader fell back: this slot is selected again")
        journal.keep(heal=1)
        _tolerate(otadata.heal, None)
    if fell_back or entry["heal"]:
        journal.keep(heal=0)
    return False, _outcome(entry, fell_back)


def _runs(entry: dict) -> bool:
    return entry["slot"] == board.slot_index(board.running())


def _count_boot(entry: dict) -> None:
    # Where it is no new release, safe mode returned to this one, and not again; or NVS was lost before this.
    is_new = entry["state"] == journal.TRIAL
    journal.count_trial(entry, "boots", _BOOTS, back=0 if is_new else min(entry["back"], 1))


def _owed(entry: dict):
    if entry["state"] != journal.REPORT:
        return None
    if entry["step"] == 100 and not _runs(entry):
        return journal.owe(RolledBackError.step, entry["version"] + ": runs no longer")
    return entry["step"], entry["desc"]


def _outcome(entry: dict, fell_back: bool):
    version = entry["version"]
    sequence = otadata.aborted()
    if entry["state"] == journal.REPORT:
        journal.tell(sequence)  # a cut came between
        return _owed(entry)
    if entry["state"] == journal.TRIAL:
        if _runs(entry):
            return journal.owe(100, version)  # marked valid; the cut came before the journal
        journal.tell(sequence)
        return _judge(entry, "the bootloader cannot start it" if fell_back else "", sequence)
    word = None
    if entry["state"] == journal.IDLE and not journal.is_told(sequence):
        if not entry["back"]:  # a return that failed: nobody commanded it
            # NVS was lost in a trial.
            record = _tolerate(_other_record, None)
            text = (record.version if record else "?") + ": rolled back"
            word = journal.owe(RolledBackError.step, text)
        journal.tell(sequence)
    return word


def _other_record():
    other = board.running().get_next_update()
    return read_record(other, Image(other))


def _judge(entry: dict, reason: str, sequence: int):
    # In this order: what the trial wrote before it reset, what /main.py caught, what the chip says.
    reason = reason or entry["desc"] or journal.load_why()
    # Without a sequence it was not even tried, or the power was cut as the bootloader noted it.
    is_innocent = not reason and (board.was("PWRON_RESET") or not sequence)
    if not reason and board.was("WDT_RESET"):
        reason = "watchdog"
    if entry["alibi"] or is_innocent:
        # No fault of the image, as far as one can tell: once more, from what the slot holds.
        again = {"state": journal.VERIFY, "repeats": 1, "desc": "", "alibi": 0}
        if not entry["repeats"] and journal.keep(**again):
            log("W", "the trial of %s is repeated" % entry["version"])
            return None
        reason = reason or "power was lost in its trial"
    rolls = (entry["rolls"] if entry["rolled"] == entry["sign"] else 0) + (sequence > 0)
    text = "%s: rolled back: %s" % (entry["version"], reason or "reset during the trial")
    return journal.owe(RolledBackError.step, text, rolled=entry["sign"], rolls=rolls)
