"""The one call into amqtt that its documentation does not promise.

EnOS sends `upgrade` to devices that never subscribed. amqtt delivers to subscribers only, so a
message is handed to the protocol handler of the client's session, which is what amqtt's own
broadcast does with it in the end. `test_cloud_deliver.py` notices an amqtt where that is not so.
"""

from __future__ import annotations

from amqtt.broker import Broker  # type: ignore[import-untyped]


async def deliver(broker: Broker, client_id: str, topic: str, payload: bytes, qos: int) -> bool:
    """Send a PUBLISH to one connected client, subscribed or not; False if it is not connected.

    With QoS 1 returns after the PUBACK. Raises: TimeoutError without one within 5 s.
    """
    session, handler = broker.sessions.get(client_id, (None, None))
    if session is None or handler is None or handler.session is None:
        return False
    await handler.mqtt_publish(topic, payload, qos, retain=False)
    return True
