"""Who the device is, proven to EnOS: signatures for MQTT CONNECT, HTTP log-in and getFile. Pure.

All are plain hashes (not HMACs) of sorted name-value pairs followed by the secret.
"""

import binascii
import hashlib

# EnOS does not look at the time in a log-in; its own C SDK always sends this constant (year 2050).
TIMESTAMP_MS = "2524608000000"


def _hex(data: str, method: str = "sha256") -> str:
    algorithm = hashlib.sha1 if method == "sha1" else hashlib.sha256
    return binascii.hexlify(algorithm(data.encode()).digest()).decode()


def _joined(pairs: dict) -> str:
    return "".join([name + pairs[name] for name in sorted(pairs)])


def mqtt_login(
    product_key: str, device_key: str, secret: str, timestamp: str = TIMESTAMP_MS
) -> tuple:
    """Client id, user name and password of CONNECT with the device's own secret (securemode 2).

    >>> "clientId" + device_key + "deviceKey" + … + "timestamp" + … + secret  # what is hashed
    """
    password = _hex(
        _joined(
            {
                "clientId": device_key,
                "deviceKey": device_key,
                "productKey": product_key,
                "timestamp": timestamp,
            }
        )
        + secret
    ).upper()
    client_id = "%s|securemode=2,signmethod=sha256,timestamp=%s|" % (device_key, timestamp)
    return client_id, device_key + "&" + product_key, password


def http_sign(product_key: str, device_key: str, secret: str, lifetime_ms: int) -> str:
    """The `sign` of an HTTP broker log-in whose `lifetime` is `lifetime_ms`."""
    return _hex(
        _joined(
            {
                "deviceKey": device_key,
                "lifetime": str(lifetime_ms),
                "productKey": product_key,
                "signMethod": "sha256",
            }
        )
        + secret
    )


def getfile_sign(access_key: str, secret_key: str, method: str, query: dict) -> str:
    """The `sign` of a Common File Service request; `method` is `sha1` (EnOS 2.0) or `sha256`.

    `query` holds orgId, path and requestTimestamp, unescaped.
    """
    return _hex(access_key + _joined(query) + secret_key, method).upper()
