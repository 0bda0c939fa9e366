"""The one call into amqtt that its documentation does not promise, seen from amqtt's side."""

from __future__ import annotations

import asyncio

import pytest
from amqtt.broker import Broker
from amqtt.client import MQTTClient

from host_tools.cloud.deliver import deliver


@pytest.mark.parametrize("qos", [0, 1])
def test_deliver_unsubscribed_amqtt_client_gets_message(qos: int) -> None:
    async def scenario() -> tuple[str, bytes, bool, bool]:
        plugin = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        listener = {"type": "tcp", "bind": "127.0.0.1:0"}
        broker = Broker({"listeners": {"default": listener}, "plugins": {plugin: {}}})
        await broker.start()
        port = broker._servers["default"].instance.sockets[0].getsockname()[1]
        client = MQTTClient("me", config={"plugins": {}, "auto_reconnect": False})
        await client.connect(f"mqtt://127.0.0.1:{port}")
        sent = asyncio.create_task(deliver(broker, "me", "/a/b", b"payload", qos))
        message = await client.deliver_message(timeout_duration=10)
        reached = await sent
        nobody = await deliver(broker, "nobody", "/a/b", b"payload", qos)
        await client.disconnect()
        await broker.shutdown()
        return message.topic, bytes(message.data), reached, nobody

    assert asyncio.run(scenario()) == ("/a/b", b"payload", True, False)
