"""What the releases do: their `enos_main` hands over to this, so that one can be good today and bad tomorrow."""

import sys

GOOD = "good"
FAILS_SELF_TEST = "fails self_test"
RAISES = "raises"
HANGS = "hangs"
NO_IMPORT = "cannot be imported"


class Role:
    """acts: version -> what it does, `GOOD` when it is not there. ran: the version that runs in this boot."""

    acts = {}
    ran = None
    upgrade = "auto"


async def application() -> None:
    """An application that does its work, or does not."""
    time = sys.modules["time"]
    asyncio = sys.modules["asyncio"]
    await asyncio.sleep(1)
    act = Role.acts.get(Role.ran, GOOD)
    if act == RAISES:
        raise ValueError("broken")
    while True:
        if act == HANGS:
            time.sleep(1)
        else:
            await asyncio.sleep(1)


def main(version) -> None:
    """Run the release `version`."""
    Role.ran = version
    act = Role.acts.get(version, GOOD)
    if act == NO_IMPORT:
        raise ImportError("no module named 'gone'")
    import asyncio

    from enos_ota.agent import Agent

    agent = Agent(app=application, self_test=lambda: act != FAILS_SELF_TEST, upgrade=Role.upgrade)
    asyncio.run(agent.run())
