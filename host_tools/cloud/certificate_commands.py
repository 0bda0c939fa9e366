"""Commands `device certificate` and `device revoke-certificate`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .cli_common import operator_command, show
from .client import AdminClient
from .private import make_folder, write_private

PRODUCT = click.option("--product", default="pk_demo", show_default=True, help="Product key.")


@click.command(short_help="Get a certificate for a device.")
@click.argument("device_key")
@PRODUCT
@click.option(
    "--out-dir",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where DEVICE_KEY-cert.der and DEVICE_KEY-key.der go.",
)
@click.option("--rsa", "is_rsa", is_flag=True, help="RSA-2048 instead of EC P-256.")
@click.option(
    "--valid-days",
    type=click.IntRange(-3650, 3650),
    default=730,
    show_default=True,
    help="From now on; a negative number makes one that has expired.",
)
@operator_command
def certificate(
    *,
    device_key: str,
    product: str,
    out_dir: Path,
    is_rsa: bool,
    valid_days: int,
    home: Path,
    as_json: bool,
) -> None:
    """Get a certificate for a device: for TLS with certificates on both sides.

    The private key is made here and leaves this command in its file only.
    """
    from .apply import apply  # noqa: PLC0415 - the other commands need no cryptography
    from .device_certs import CertificateError  # noqa: PLC0415

    try:
        made = apply(AdminClient(home), device_key, product, is_rsa=is_rsa, valid_days=valid_days)
        make_folder(out_dir)
        files = {name: out_dir / f"{device_key}-{name}.der" for name in ("cert", "key")}
        write_private(files["cert"], made.certificate)
        write_private(files["key"], made.key)
    except (CertificateError, OSError) as error:
        raise click.ClickException(str(error)) from None
    until = time.strftime("%Y-%m-%d", time.localtime(made.not_after))
    document = {"serial": made.serial, "not_after": made.not_after}
    document |= {name: str(path) for name, path in files.items()}
    text = f"certificate {made.serial}, until {until}\n  {files['cert']}\n  {files['key']}"
    show(as_json, document, text)


@click.command("revoke-certificate", short_help="Revoke a device's certificates.")
@click.argument("device_key")
@PRODUCT
@operator_command
def revoke_certificate(device_key: str, product: str, home: Path, as_json: bool) -> None:
    """Revoke all certificates of a device; its connection ends."""
    serials = AdminClient(home).revoke_certificates(device_key, product)
    show(as_json, serials, "\n".join(f"certificate {serial} is revoked" for serial in serials))
