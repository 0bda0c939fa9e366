"""Who the device is, proven to EnOS: signatures for MQTT CONNECT, HTTP log-in and getFile. Pure.

All are plain hashes (not HMACs) of name-value pairs, sorted by name, followed by the secret.
"""

import binascii
import hashlib

# EnOS does not look at the time in a log-in; its own C SDK always sends this constant (year 2050).
TIMESTAMP_MS = "2524608000000"


def digest(text: str, method: str = "sha256") -> str:
    """Lower-case hex of the SHA-256, or with `sha1` the SHA-1, of a text."""
    algorithm = hashlib.sha1 if method == "sha1" else hashlib.sha256
    return binascii.hexlify(algorithm(text.encode()).digest()).decode()


def mqtt_login(
    product_key: str,
    device_key: str,
    secret: str,
    client_id: str = "",
    timestamp: str = TIMESTAMP_MS,
) -> tuple:
    """Client id, user name and password of CONNECT with the device's own secret (securemode 2).

    client_id: the part that is hashed, at most 64 characters; the device key where none is given.
    """
    client_id = client_id or device_key
    pairs = "clientId%sdeviceKey%sproductKey%stimestamp%s"
    return (
        "%s|securemode=2,signmethod=sha256,timestamp=%s|" % (client_id, timestamp),
        device_key + "&" + product_key,
        digest(pairs % (client_id, device_key, product_key, timestamp) + secret).upper(),
    )


def http_sign(product_key: str, device_key: str, secret: str, lifetime_ms: int) -> str:
    """The `sign` of an HTTP broker log-in whose `lifetime` is `lifetime_ms`."""
    pairs = "deviceKey%slifetime%dproductKey%ssignMethodsha256"
    return digest(pairs % (device_key, lifetime_ms, product_key) + secret)


def getfile_sign(keys: tuple, method: str, org_id: str, path: str, timestamp: str) -> str:
    """The `sign` of a Common File Service request, from (access key, secret key).

    method: `sha1` (EnOS 2.0) or `sha256`. The other values are unescaped.
    """
    pairs = "orgId%spath%srequestTimestamp%s"
    return digest(keys[0] + pairs % (org_id, path, timestamp) + keys[1], method).upper()
