"""Topics and JSON of EnOS's OTA messages. Pure: no sockets, no clock.

Envelope of a request: id (a decimal string), version "1.0", method, params; of a reply: the same id, code,
data. EnOS routes by topic, so a downlink is judged by its topic, never by its `method`.
"""

import json

OK = 200


def prefix(product_key: str, device_key: str) -> str:
    """What all topics of a device begin with."""
    return "/sys/%s/%s/ota/device/" % (product_key, device_key)


def request(message_id: int, kind: str, params: dict) -> bytes:
    """Payload of a request; `kind` is `inform`, `progress` or `getversion`."""
    return json.dumps(
        {
            "id": str(message_id),
            "version": "1.0",
            "method": "ota.device." + kind,
            "params": params,
        }
    ).encode()


def upgrade_reply(message: dict) -> bytes:
    """Payload of the answer to an `upgrade`: its id as it came (string, number or none), code 200."""
    answer = {"code": OK, "message": "", "data": {}}
    if isinstance(message.get("id"), (str, int)):  # all that can be sent back as it came
        answer["id"] = message["id"]
    return json.dumps(answer).encode()


def parse(payload: bytes) -> dict:
    """The message as a dict.

    Raises: ValueError when the payload is not a JSON object.
    """
    message = json.loads(payload)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message


def is_ok(reply: dict) -> bool:
    """Whether a reply carries code 200, as a number or as text."""
    return str(reply.get("code")) == "200"
