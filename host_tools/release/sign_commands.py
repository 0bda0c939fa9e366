"""`enos-ota release keygen`, `key-digest`, `sign` and `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from host_tools.release import keys as key_files
from host_tools.release import signing
from host_tools.release.arguments import (
    FILE,
    json_option,
    new_passphrase,
    one_line_errors,
    passphrase_of,
    slot_size_option,
)
from host_tools.release.errors import ReleaseError, SignatureError
from host_tools.release.make import read_file, write_atomically
from host_tools.release.show import print_table, print_warnings, signers
from host_tools.release.signature import key_digest as digest_of_key


@click.command(short_help="Make a key that signs releases.")
@click.option("--out", type=FILE, required=True, help="The private key, such as key.pem.")
@click.option(
    "--passphrase", is_flag=True, help="Encrypt it with a passphrase, which is asked for."
)
@json_option
@one_line_errors
def keygen(*, out: Path, passphrase: bool, as_json: bool) -> None:
    """Make a pair of keys (RSA-3072): the private one signs, boards know the public one by its digest.

    ENOS_OTA_PASSPHRASE in the environment is the passphrase where nobody can type.
    """
    key_files.refuse_existing(out)
    secret = new_passphrase(out) if passphrase else ""
    key = key_files.generate()
    key_files.write_pair(key, out, secret)
    public = key_files.public_path(out)
    digest = digest_of_key(key.public_key()).hex()
    if as_json:
        made = {
            "private": str(out),
            "public": str(public),
            "digest": digest,
            "encrypted": passphrase,
        }
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(
        f"{out}: private key{', encrypted' * passphrase}: keep it secret, and a copy elsewhere"
    )
    click.echo(f"{public}: its public key")
    _print_digest(digest)


@click.command("key-digest", short_help="By which digest boards know a key.")
@click.argument("key", type=FILE)
@json_option
@one_line_errors
def key_digest(*, key: Path, as_json: bool) -> None:
    """Print the digest of a KEY, public or private, in PEM: made here, by espsecure or by OpenSSL."""
    digest = digest_of_key(key_files.load_public(key, passphrase_of)).hex()
    if as_json:
        click.echo(json.dumps({"path": str(key), "digest": digest}, indent=2))
    else:
        _print_digest(digest)


def _print_digest(digest: str) -> None:
    click.echo(f"digest {digest}")
    click.echo("in the settings of boards that trust it:")
    click.echo(f'  "keys": ["{digest}"]')


@click.command(short_help="Sign a release.")
@click.argument("file", type=FILE)
@click.option(
    "--key", "keys", type=FILE, required=True, multiple=True, help="Private key; up to three."
)
@click.option("--out", type=FILE, help="The signed file; without it FILE itself is signed.")
@click.option("--append", is_flag=True, help="Add a signature to those it has.")
@click.option("--replace", is_flag=True, help="Take those that it has away.")
@slot_size_option
@json_option
@one_line_errors
def sign(
    *,
    file: Path,
    keys: tuple[Path, ...],
    out: Path | None,
    append: bool,
    replace: bool,
    slot_size: int,
    as_json: bool,
) -> None:
    """Sign FILE, a release or a plain VM image, as 'espsecure sign-data --version 2' does.

    Sign with the old and the new key what boards shall take that know only one of them.
    """
    if append and replace:
        raise click.UsageError("--append keeps the signatures that --replace takes away")
    if out and out.suffix != ".bin":
        raise SignatureError(f"{out}: EnOS takes .bin files only: name it {out.stem}.bin")
    data = read_file(file)
    private = [key_files.load_private(path, passphrase_of) for path in keys]
    try:
        signed = signing.sign_again(data, private, slot_size, append=append, replace=replace)
    except ReleaseError as error:
        raise SignatureError(f"{file}: {error}") from None
    # What a link leads to is signed, not replaced by a copy.
    write_atomically(out or file.resolve(), signed.data)
    told = signed.as_json()
    if as_json:
        click.echo(json.dumps({"path": str(out or file)} | told, indent=2))
        return
    version = (
        f"{signed.version}, sequence {signed.sequence}" if signed.version else "plain VM image"
    )
    rows = [
        ("version", version),
        *signers(signed.signed_by),
        ("size", f"{len(signed.data):,} bytes"),
        ("md5", told["md5"]),
        ("sha256", told["sha256"]),
    ]
    print_table(f"{out or file}: signed", rows)
    print_warnings(signed.warnings)


@click.command(short_help="Is a release whole, and signed by a key that is trusted?")
@click.argument("file", type=FILE)
@click.option(
    "--key",
    "keys",
    required=True,
    multiple=True,
    metavar="KEY",
    help="Public key, or its digest; any of several suffices.",
)
@json_option
@click.pass_context
@one_line_errors
def verify(ctx: click.Context, *, file: Path, keys: tuple[str, ...], as_json: bool) -> None:
    """Verify FILE: image, both records, app files, and a signature by a trusted key; exit 1 if not."""
    names = {key_files.digest_of(key, passphrase_of): key for key in keys}
    data = read_file(file)
    try:
        checked, found = signing.verify(data, names)
    except ReleaseError as error:
        if not as_json:
            raise SignatureError(f"{file}: {error}") from None
        told = {"path": str(file), "verified": False, "reason": str(error), "signed_by": []}
        click.echo(json.dumps(told, indent=2))
        ctx.exit(1)
    entry = checked.record
    if as_json:
        told = {"path": str(file), "verified": True, "reason": "", "signed_by": found}
        click.echo(json.dumps(told | {"record": entry.as_json() if entry else None}, indent=2))
        return
    what = f"{entry.version}, sequence {entry.sequence}" if entry else "plain VM image"
    print_table(f"{file}: verified", [("version", what), *signers(found)])
