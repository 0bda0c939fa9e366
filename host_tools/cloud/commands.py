"""Commands of the stand-in: `cloud`, `device`, `firmware`; `job` and `switch` come along."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import click

from .certificate_commands import certificate, revoke_certificate
from .cli_common import clock, operator_command, show, table
from .client import AdminClient
from .job_commands import job, switch

__all__ = ["cloud", "device", "firmware", "job", "switch"]


# --- cloud


@click.command()
@operator_command
@click.option(
    "--port-base", type=click.IntRange(0, 65531), help="Five ports from here; 0 = free ones."
)
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--hostname", default="localhost", show_default=True, help="Name boards call it by.")
def cloud(home: Path, as_json: bool, port_base: int | None, bind: str, hostname: str) -> None:
    """Run the stand-in for EnOS until Ctrl-C."""
    from .foreground import run  # noqa: PLC0415 - the other commands need no broker

    if _is_address(hostname):
        raise click.BadParameter("boards need a name here: an address cannot be verified by them")
    run(home, port_base, bind, hostname, as_json)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- device


@click.group()
def device() -> None:
    """Devices of the running stand-in."""


@device.command("add")
@click.argument("device_key")
@click.option("--product", default="pk_demo", show_default=True, help="Product key.")
@operator_command
def device_add(device_key: str, product: str, home: Path, as_json: bool) -> None:
    """Make a device; its secret is shown this once."""
    added = AdminClient(home).add_device(device_key, product)
    names = ("product_key", "device_key", "device_secret")
    show(as_json, added, "\n".join(f"{name:<14} {added[name]}" for name in names))


@device.command("list")
@operator_command
def device_list(home: Path, as_json: bool) -> None:
    """List the devices and the versions they reported."""
    devices = AdminClient(home).devices()
    rows = [
        (
            one["product_key"],
            one["device_key"],
            one["version"] or "never informed",
            clock(one["informed_at"]),
            "online" if one["online"] else "offline",
        )
        for one in devices
    ]
    show(as_json, devices, table(("PRODUCT", "DEVICE", "VERSION", "INFORMED", ""), rows))


device.add_command(certificate)
device.add_command(revoke_certificate)


# --- firmware


@click.group()
def firmware() -> None:
    """Firmware of the running stand-in."""


@firmware.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--version", required=True, help="Version devices will report.")
@click.option(
    "--sign-method",
    type=click.Choice(["sha256", "md5"]),
    default="sha256",
    show_default=True,
    help="Digest in the command.",
)
@click.option(
    "--url-shape",
    type=click.Choice(["enos-connect", "enos-lark", "relative", "https"]),
    default="enos-connect",
    show_default=True,
    help="Form of the fileUrl.",
)
@operator_command
def firmware_add(file: Path, home: Path, as_json: bool, **options: str) -> None:
    """Upload a release."""
    added = AdminClient(home).add_firmware(file, **options)
    text = f"firmware {added['version']}: {added['size_bytes']} bytes, {added['file_url']}"
    show(as_json, added, text)


@firmware.command("list")
@operator_command
def firmware_list(home: Path, as_json: bool) -> None:
    """List the firmware."""
    found = AdminClient(home).firmware()
    rows = [
        (one["version"], one["size_bytes"], one["sign_method"], one["name"], one["file_url"])
        for one in found
    ]
    show(as_json, found, table(("VERSION", "BYTES", "SIGN", "NAME", "FILEURL"), rows))
