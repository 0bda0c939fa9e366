"""The one command, `enos-ota`: each sub-command is imported only when it is called."""

from __future__ import annotations

import importlib

import click

# sub-command -> (module, attribute, one-line help)
COMMANDS = {
    "cloud": ("host_tools.cloud.commands", "cloud", "Run the stand-in for EnOS."),
    "device": ("host_tools.cloud.commands", "device", "Devices of the running stand-in."),
    "firmware": ("host_tools.cloud.commands", "firmware", "Firmware of the running stand-in."),
    "job": ("host_tools.cloud.commands", "job", "Upgrade jobs of the running stand-in."),
    "switch": ("host_tools.cloud.commands", "switch", "Switches for what EnOS leaves open."),
    "fault": ("host_tools.cloud.fault_commands", "fault", "Faults of the running stand-in."),
    "board": ("host_tools.simboard.commands", "board", "Run a simulated ESP32 board."),
    "release": ("host_tools.release.commands", "release", "Make and explain release files."),
    "factory": ("host_tools.factory.commands", "factory", "Make complete flash images of boards."),
    "doctor": ("host_tools.board.doctor.command", "doctor", "Will upgrades work on a board?"),
    "deploy": (
        "host_tools.board.deploy_command",
        "deploy",
        "Copy stubs, agent and app to a board.",
    ),
    "undeploy": ("host_tools.board.deploy_command", "undeploy", "Take them away again."),
    "provision": ("host_tools.board.provision_command", "provision", "Give a board its identity."),
    "monitor": ("host_tools.board.monitor", "monitor", "Show what a board prints."),
    "demo": ("host_tools.demo.commands", "demo", "The whole loop, in under a minute."),
}


class LazyGroup(click.Group):
    """A click group whose sub-commands live in `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the sub-command and return it."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _help = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the sub-commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="enos-ota")
def main() -> None:
    """Over-the-air upgrades for MicroPython on ESP32 from the EnOS IoT cloud."""
