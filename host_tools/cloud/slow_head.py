"""A response whose head takes its time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from . import wire


class SlowHead(web.StreamResponse):
    """A response whose status line and headers come one byte at a time; then it closes."""

    def __init__(self, status: int, headers: dict[str, str], pause_ms: int) -> None:
        super().__init__(status=status, headers=headers)
        self.force_close()
        self._pause_s = pause_ms / 1000
        self._transport: asyncio.Transport | None = None

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send the head."""
        assert isinstance(request, web.Request)
        if self._transport is not None:
            return
        self._transport = request.transport
        # As for any other answer; web.StreamResponse would do it.
        await request.app.on_response_prepare.send(request, self)
        lines = [f"HTTP/1.1 {self.status} {self.reason}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        for byte in ("\r\n".join(lines) + "\r\n\r\n").encode():
            await self.write(bytes([byte]))
            await asyncio.sleep(self._pause_s)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece of the body. Raises: ConnectionResetError."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the peer is gone")
        self._transport.write(data)
        await wire.delivered(self._transport)

    async def write_eof(self, data: bytes = b"") -> None:
        """All is sent."""
