"""What the agent must know at boot, found out once: settings, version, and what happened before.

Imported at start and forgotten again, so that nothing of it takes memory while the agent waits.
"""

from . import board, config, identity, journal, otadata
from .errors import RolledBackError
from .image import Image, read_record
from .log import log


def settings(source):
    """The settings from a dict, or from the file at a path.

    Raises: config.ConfigError naming the key.
    """
    return config.check(source) if isinstance(source, dict) else config.load(source)


def login(keys) -> tuple:
    """Client id, user and password of the MQTT session, from the settings."""
    return identity.mqtt_login(keys.product_key, keys.device_key, keys.device_secret)


def look_back(version: str, watchdog_s: int) -> tuple:
    """What happened before this boot: (version, floor_s, on_trial, word, order).

    watchdog_s: what /boot.py shall arm in every boot. version: of the record, or as given.
    floor_s: build time in Unix seconds. word: (step, desc) owed to EnOS, or None. order: params of a command
    that is still to be obeyed, or None. Power cut: safe to repeat.
    """
    on_trial, word = _tolerate(_recover, (False, None))
    found, floor_s = _tolerate(_identify, ("", 0))
    version = found or version
    log("I", "version " + version)
    _tolerate(lambda: _keep_watchdog(b"%d" % watchdog_s), None)
    if not on_trial:
        _tolerate(_forget_why, None)
    return version, floor_s, on_trial, word, _tolerate(journal.load_command, None) or None


def _tolerate(function, otherwise):
    # A board that cannot tell its past must still reach EnOS.
    try:
        return function()
    except Exception as error:
        log("E", "look back: %r" % error)
        return otherwise


def is_armed() -> bool:
    """Whether /boot.py armed a watchdog in this boot: somebody must feed it, whatever the settings say now."""
    return board.load_blob("wdt_s", board.STUBS) not in (b"", b"0")


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
        return record
    # A plain image: the version that EnOS commanded was kept with the image's ELF digest.
    kept = board.load_blob("plain%d" % board.slot_index(slot))
    return (kept[32:].decode() if kept[:32] == image.elf_digest else ""), 0


def _recover() -> tuple:
    entry = journal.load()
    if otadata.on_trial():
        if entry["state"] != journal.TRIAL or _runs(entry):
            log("I", "this image is on trial")
            return True, None
        otadata.confirm()  # the power was cut while it was healed: not a trial
    if _tolerate(otadata.heal, False):
        log("W", "the bootloader fell back: selected this slot again")
    word = _outcome(entry)
    if word and entry["state"] != journal.REPORT:
        word = journal.owe(*word)
    return False, word


def _runs(entry: dict) -> bool:
    return entry["slot"] == board.slot_index(board.running())


def _outcome(entry: dict):
    version = entry["version"]
    state = entry["state"]
    if state == journal.REPORT:
        return entry["step"], entry["desc"]
    if state == journal.TRIAL:
        if _runs(entry):
            return 100, version  # marked valid; the cut came before the journal
        return RolledBackError.step, "%s: rolled back: %s" % (version, _why(entry))
    if state and not journal.load_command().get("tries"):  # which is counted, and goes on with it
        journal.clear_command()
        return -1, version + ": interrupted by a reset"
    return None


def _why(entry: dict) -> str:
    # In this order: what the trial wrote before it reset, what /main.py caught, what the chip says.
    caught = board.load_blob("why", board.STUBS).decode().strip()
    cause = "watchdog" if board.was_watchdog() else "reset during the trial"
    return entry["desc"] or caught or cause
