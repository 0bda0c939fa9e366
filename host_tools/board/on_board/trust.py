"""Whom a board trusts, and what it shows of itself: no secret leaves it, a private key above all."""

import binascii
import json

_LARGEST_BYTES = 8192


def trust(open_names, secret_names):
    """[settings, files of releases about trust, whether the agent knows signatures]; None without settings.

    Of secrets, only that they are there. The last is None where there is no agent.
    """
    found = _load("/enos.json") or _load("/enos.bak")
    if not found:
        return None
    shown = {name: found[name] for name in open_names if name in found}
    for name in secret_names:
        if found.get(name):
            shown[name] = "***"
    files = {}
    for path in ("/app/enos_trust.json", "/enos_trust.json"):
        try:
            with open(path) as file:
                files[path] = file.read(_LARGEST_BYTES)
        except (OSError, ValueError):
            pass
    return [shown, files, _knows_signatures()]


def _knows_signatures():
    # By the names of modules: those of functions are shortened in a release.
    try:
        __import__("enos_ota")
    except ImportError:
        return None
    try:
        __import__("enos_ota.signature")
        return True
    except ImportError:
        return False


def _load(path):
    try:
        with open(path) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def content(path):
    """A certificate in base64; None where there is none."""
    try:
        with open(path, "rb") as file:
            return binascii.b2a_base64(file.read(_LARGEST_BYTES)).decode()
    except OSError:
        return None


def holds(path, part):
    """Whether the file holds these bytes, in hex; None where there is no such file."""
    try:
        with open(path, "rb") as file:
            return binascii.unhexlify(part) in file.read(_LARGEST_BYTES)
    except OSError:
        return None
