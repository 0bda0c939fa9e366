"""How the user's application starts: as a task, or in a thread; loaded for that and forgotten."""

import asyncio

from micropython import const

_STACK_BYTES = const(16_384)  # of a thread: what the main task has; the default on ESP32 is 5 KiB


def start(application, app) -> None:
    """Run `app` for an `Application`: coroutines as a task of the running loop, anything else in a thread."""
    if hasattr(app, "send"):
        asyncio.create_task(application.follow(app))
    elif isinstance(app, type(_adopt)):  # what `async def` makes
        asyncio.create_task(application.follow(app()))  # type: ignore[call-arg]
    elif app:
        _start_thread(application, app)


def _start_thread(application, app) -> None:
    import _thread

    found: list = []  # the coroutine that a closure or a method turned out to make
    _thread.stack_size(_STACK_BYTES)
    try:
        _thread.start_new_thread(_run, (application, app, found))
    finally:
        _thread.stack_size(0)  # those that the application starts itself have the default
    asyncio.create_task(_adopt(application, found))


def _run(application, app, found: list) -> None:
    try:
        made = app()
        if hasattr(made, "send"):
            found.append(made)
        else:
            application.ended = "the application returned"
    except BaseException as error:  # SystemExit too: it ends a thread silently
        application.fail(error)


async def _adopt(application, found: list) -> None:
    while not application.ended:
        if found:
            await application.follow(found[0])
        await asyncio.sleep(1)
