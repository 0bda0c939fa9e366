"""What a release says about whom to trust: new CAs, hosts and keys reach a board before the old ones end.

`/app/enos_trust.json` travels in the slot, under the release's signature, with the CA files that it names. Once
the release is confirmed, a copy is kept in the root: for boots that cannot use the slot's files, and for releases
without such a file. What was revoked once stays so.
"""

import json
import os

from micropython import const

from .log import log

_FILE = "enos_trust.json"
_OWN = "/app/"
_KEPT = "/"
_LISTS = ("ca", "keys", "revoked", "pins", "hosts")
_TEXTS = ("mqtt", "http_broker", "base_url", "ntp")
_DIGESTS = ("keys", "revoked", "pins")
_KEYS = const(3)
_PINS = const(8)


def extended(settings):
    """The settings, with what the release, or the copy of an earlier one, adds to their lists or says instead."""
    kept = _read(_KEPT)
    trust, folder = _read(_OWN), _OWN
    if not trust:
        trust, folder = kept, _KEPT
    if not trust or not isinstance(settings, dict):
        return settings
    extended = dict(settings)
    trust["ca"] = [folder + name for name in trust.get("ca", ())]
    trust["revoked"] = revoked = _revoked(trust, kept)
    for name in _LISTS:
        old = settings.get(name, [])
        if isinstance(old, list):  # else that is what will be complained of
            extended[name] = both = list(trust.get(name, ()))
            for one in old:
                if name in _DIGESTS and isinstance(one, str):
                    one = one.lower()  # noqa: PLW2901
                if one not in both:
                    both.append(one)
            if name == "pins":
                extended[name] = both[:_PINS]
            elif name == "keys":
                # At least one, though it be revoked: else nothing would have to be signed any more.
                extended[name] = [one for one in both if one not in revoked][:_KEYS] or both[:1]
    for name in _TEXTS:
        if trust.get(name):
            extended[name] = trust[name]
    return extended


def with_revoked(settings):
    """The settings with nothing of all that but what is revoked: for the case that the rest cannot be used."""
    revoked = _revoked(_read(_OWN), _read(_KEPT))
    if not revoked or not isinstance(settings, dict):
        return settings
    own = settings.get("revoked", [])
    return dict(settings, revoked=own + revoked if isinstance(own, list) else own)


def keep(config) -> None:
    """Keep the copy, where the release that runs says something else: call it once that is confirmed.

    Power cut: the old or the new copy remains. Raises: OSError when there is no room for it.
    """
    trust = _read(_OWN)
    if not trust:
        return
    kept = _read(_KEPT)
    trust["revoked"] = _revoked(trust, kept)
    names = trust.get("ca", [])
    missing = [name for name in names if not _exists(_KEPT + name)]
    if trust == kept and not missing:
        return
    for name in missing:
        try:
            with open(_OWN + name, "rb") as file:
                data = file.read()
        except OSError as error:
            log("E", "CA %s: %s" % (name, error))
            continue
        _write(_KEPT + name, data)
    if trust != kept:
        _write(_KEPT + _FILE, json.dumps(trust).encode())
    for name in kept.get("ca", ()):
        if name not in names and _KEPT + name not in config.ca and _exists(_KEPT + name):
            os.remove(_KEPT + name)
    log("I", "trust kept")


def _revoked(trust: dict, kept: dict) -> list:
    old = kept.get("revoked", [])
    return old + [one for one in trust.get("revoked", ()) if one not in old]


def _read(folder: str) -> dict:
    # {} where there is none that can be used.
    try:
        with open(folder + _FILE) as file:
            trust = json.load(file)
    except OSError:
        return {}
    except (ValueError, MemoryError):
        trust = None
    if _is_sound(trust):
        return {name: trust[name] for name in _LISTS + _TEXTS if name in trust}
    log("E", folder + _FILE + " cannot be used")
    return {}


def _is_sound(trust) -> bool:
    if not isinstance(trust, dict):
        return False
    for name in _TEXTS:
        if not isinstance(trust.get(name, ""), str):
            return False
    for name in _LISTS:
        entries = trust.get(name, [])
        if not isinstance(entries, list):
            return False
        for one in entries:
            if not isinstance(one, str) or not _fits(name, one):
                return False
    return True


def _fits(name: str, entry: str) -> bool:
    if (
        name == "ca"
    ):  # a copy of it is written to the root, and removed: a name that nothing else has
        return entry.startswith("enos-") and entry.endswith(".der") and "/" not in entry
    return name == "hosts" or (len(entry) == 64 and not entry.strip("0123456789abcdef"))


def _exists(path: str) -> bool:
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _write(path: str, data: bytes) -> None:
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)
