"""No secret shows: every test with a rig looks for them at its end, and this is how it would find one."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import Rig
from host_tools.demo.secrecy import SecretLeakError, leaks, secrets_of

APP = '''"""One that tells."""

import asyncio
import json


async def run():
    with open("/enos.json") as file:
        settings = json.load(file)
    print({what})
    while True:
        await asyncio.sleep(1)


def self_test():
    return True


def on_progress(step, desc):
    pass
'''
PRINTED = {
    "device secret": 'settings["device_secret"]',
    "Wi-Fi password": 'settings["wifi"]',
}
MAIN = """
import asyncio
import app
from enos_ota.agent import Agent


def main():
    agent = Agent(app=app.run)
    print("config:", agent.config, repr(agent.config), agent.session, agent.context)
    asyncio.run(agent.run())
"""


@pytest.mark.parametrize("secret", PRINTED)
def test_secrecy_secret_on_the_console_is_found_and_not_shown_again(tmp_path, workshop, secret):
    app = APP.format(what=PRINTED[secret])
    release = workshop.release("1.0.0", 1, app=app, name="teller-" + secret.replace(" ", "-"))
    with pytest.raises(SecretLeakError, match="a secret") as caught, Rig(tmp_path) as rig:
        rig.start(release.path)
        settings = rig.settings()
    assert not any(value in str(caught.value) for value in secrets_of(settings))


def test_secrecy_objects_of_the_agent_show_none_when_printed(tmp_path, workshop):
    release = workshop.release("1.0.0", 1, files={"enos_main.py": MAIN}, name="printer")
    with Rig(tmp_path) as rig:
        rig.start(release.path)
        assert "object" in rig.wait_console("config:")


def test_secrecy_session_id_is_found_wherever_it_stands():
    session = "5b0c8e3a-6d4f-4b7e-9a2d-0123456789ab"
    assert leaks([f"GET /x?sessionId={session}&y", "nothing"], []) == [
        "GET /x?sessionId=(a secret)&y"
    ]
