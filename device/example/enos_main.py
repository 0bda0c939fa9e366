"""The release's entry: /main.py of the board calls main(), which is not meant to return."""

import asyncio

import app
from enos_ota.agent import Agent, select_first


def main() -> None:
    """Wire the application and the agent: the only place where they meet."""
    agent = Agent(
        app=app.run,
        self_test=app.self_test,
        on_progress=app.on_progress,
        select=select_first,  # of releases offered on request; asked every check_s, when that is set
    )
    asyncio.run(agent.run())
