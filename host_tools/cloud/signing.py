"""Signatures of CONNECT, of the HTTP broker's login and of `getFile`; pure functions."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

# The "hmac..." names are aliases in EnOS: all are plain hashes of content + secret.
CONNECT_HASHES = {
    "sha256": "sha256",
    "hmacsha256": "sha256",
    "sha1": "sha1",
    "hmacsha1": "sha1",
    "md5": "md5",
    "hmacmd5": "md5",
}
SECUREMODE_STATIC = "2"


class LoginError(Exception):
    """A login was refused; `code` is the EnOS code, the text never holds a secret."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class ConnectClaim:
    """What a CONNECT packet says about its sender, not yet believed."""

    cid: str
    product_key: str
    device_key: str
    hash_name: str
    timestamp: str
    password: str


def sign(parameters: Mapping[str, str], secret: str, hash_name: str, prefix: str = "") -> str:
    """Lower-case hex of hash(prefix + name + value of the parameters sorted by name + secret)."""
    content = prefix + "".join(name + parameters[name] for name in sorted(parameters)) + secret
    return hashlib.new(hash_name, _bytes(content)).hexdigest()


def parse_connect(client_id: str, user_name: str | None, password: str | None) -> ConnectClaim:
    """Take `cid|securemode=..,signmethod=..,timestamp=..|` and `deviceKey&productKey` apart.

    Raises: LoginError for a form or a mode that is not the one of static activation.
    """
    cid, bar, rest = client_id.partition("|")
    if not bar or not rest.endswith("|"):
        raise LoginError(742, "client id is not <cid>|securemode=..,signmethod=..,timestamp=..|")
    device_key, ampersand, product_key = (user_name or "").rpartition("&")
    if not ampersand or not device_key or not product_key:
        raise LoginError(742, "user name is not <deviceKey>&<productKey>")
    options = dict(part.strip().partition("=")[::2] for part in rest[:-1].split(","))
    if options.get("securemode") != SECUREMODE_STATIC:
        raise LoginError(770, "securemode is not 2: only static activation is played")
    hash_name = CONNECT_HASHES.get(options.get("signmethod", ""))
    if hash_name is None:
        raise LoginError(742, "unknown signmethod in the client id")
    if not options.get("timestamp"):
        raise LoginError(742, "no timestamp in the client id")
    return ConnectClaim(
        cid, product_key, device_key, hash_name, options["timestamp"], password or ""
    )


def connect_password(claim: ConnectClaim, device_secret: str) -> str:
    """The password EnOS expects for this claim, lower-case hex."""
    parameters = {
        "clientId": claim.cid,
        "deviceKey": claim.device_key,
        "productKey": claim.product_key,
        "timestamp": claim.timestamp,
    }
    return sign(parameters, device_secret, claim.hash_name)


def login_sign(product_key: str, device_key: str, lifetime_ms: int, device_secret: str) -> str:
    """Signature of the HTTP broker's login, lower-case hex SHA-256."""
    parameters = {
        "deviceKey": device_key,
        "lifetime": str(lifetime_ms),
        "productKey": product_key,
        "signMethod": "sha256",
    }
    return sign(parameters, device_secret, "sha256")


def getfile_signs(
    access_key: str, secret_key: str, org_id: str, path: str, timestamp: str
) -> tuple[str, str]:
    """Signatures of `getFile` that EnOS has used: (SHA-1, SHA-256), lower-case hex."""
    parameters = {"orgId": org_id, "path": path, "requestTimestamp": timestamp}
    sha1 = sign(parameters, secret_key, "sha1", prefix=access_key)
    return sha1, sign(parameters, secret_key, "sha256", prefix=access_key)


def same(expected: str, given: str) -> bool:
    """Compare two hex digests in constant time, whatever their case."""
    return hmac.compare_digest(_bytes(expected.lower()), _bytes(given.lower()))


def _bytes(text: str) -> bytes:
    # Half of a surrogate pair, which JSON can carry, is in no signature.
    return text.encode(errors="replace")
