"""An application that counts. Change GREETING, make a release, and watch it arrive."""

import asyncio

GREETING = "hello from the factory"

_count = 0


async def run() -> None:
    """The application's own loop; the agent runs beside it and is never called from here."""
    global _count
    print("app:", GREETING)
    while True:
        _count += 1
        if _count % 10 == 0:
            print("app: counted to", _count)
        await asyncio.sleep(1)


def self_test() -> bool:
    """Asked once, while a new release is on trial: False sends the board back to the former one."""
    return _count > 0


def on_progress(step: int, desc: str) -> None:
    """Called with what EnOS is told: a place for a progress bar or a LED."""
    print("app: %s, %s" % (desc, "%d %%" % step if step >= 0 else "failed"))
