"""The certificates in tests/vectors/tls, which tests/vectors/make_certificates.py made."""

import json

FOLDER = __file__.rsplit("/", 2)[0] + "/vectors/tls/"


def path(name):
    """Path of a file, for the settings."""
    return FOLDER + name


def read(name):
    with open(FOLDER + name, "rb") as file:
        return file.read()


def pins():
    """SHA-256 of the public key of each certificate, in hex, by the name of its file."""
    return json.loads(read("pins.json"))
