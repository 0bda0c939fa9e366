"""A server with real TLS on loopback, in the same thread, and a connection of ours to it."""

import asyncio

import tls

from certificates import path, read
from enos_ota.transport import Transport
from helpers import run
from peer import Server


class Config:
    """Settings of who verifies; paths are those of the certificates."""

    mqtt = "mqtts://localhost:18883"
    http_broker = ""
    cert = key = ""

    def __init__(self, **settings) -> None:
        self.ca = [path("ca.der")]
        self.pins = []
        self.plain = []
        self.revoked = []
        for name, value in settings.items():
            setattr(self, name, value)


class Secured:
    """What the server did is in its attributes: heard, what arrived; error, what its side ended in."""

    def __init__(self, certificate="server.der", key="server.key", client_ca="") -> None:
        self._context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(read(certificate), read(key))
        if client_ca:
            self._context.verify_mode = tls.CERT_REQUIRED
            self._context.load_verify_locations(read(client_ca))
        self.heard = b""
        self.error = None

    async def talk(self, stream) -> None:
        """Read a byte, answer with another."""
        while not self.heard:
            self.heard = stream.read(1) or b""
            await asyncio.sleep_ms(1)
        stream.write(b"y")

    async def serve(self, server) -> None:
        """Serve one connection."""
        peer = await server.accept()
        stream = None
        try:
            stream = self._context.wrap_socket(
                peer.sock, server_side=True, do_handshake_on_connect=False
            )
            await self.talk(stream)
        except (OSError, ValueError) as error:
            self.error = error
        finally:
            if stream:
                stream.close()
            peer.close()


def meet(context, served=None, host="localhost"):
    """Send a byte to the server with this context, and read its answer: None, or the error that it ends in."""
    served = served or Secured()

    async def both():
        server = Server()
        transport = Transport()
        task = asyncio.create_task(served.serve(server))
        error = None
        try:
            await transport.open(host, server.port, context, 5000)
            await transport.send(b"x", 5000)
            transport.allow(5000)
            buf = bytearray(1)
            await transport.receive(buf)
            assert buf == b"y"
        except Exception as raised:
            error = raised
        transport.close()
        await task
        server.close()
        return error

    return run(both())
