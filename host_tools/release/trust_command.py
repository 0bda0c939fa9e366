"""`enos-ota release trust`: what a release makes boards trust from then on."""

from __future__ import annotations

import json
from pathlib import Path

import click

from host_tools.release import keys as key_files
from host_tools.release import trust as rules
from host_tools.release import trust_update
from host_tools.release.arguments import (
    FILE,
    FOLDER,
    json_option,
    one_line_errors,
    passphrase_of,
)
from host_tools.release.errors import TrustError
from host_tools.release.show import print_table, print_warnings
from host_tools.release.trust_update import Additions


@click.command(short_help="What a release makes boards trust from then on.")
@click.argument("app_folder", type=FOLDER)
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Public key that may sign, or its digest."
)
@click.option(
    "--revoke",
    "revoked",
    multiple=True,
    metavar="KEY|CA",
    help="Never trust again: a key or CA, or its digest.",
)
@click.option("--ca", "cas", type=FILE, multiple=True, help="CA certificate, PEM or DER.")
@click.option("--host", "hosts", multiple=True, help="Another host that may serve files.")
@click.option(
    "--pin", "pins", multiple=True, metavar="HEX", help="SHA-256 of the broker's public key (SPKI)."
)
@click.option("--mqtt", help="In place of the setting: mqtts://host[:port].")
@click.option("--http-broker", help="In place of the setting: https://host[:port].")
@click.option("--base-url", help="In place of the setting: https://host[:port].")
@click.option("--ntp", help="In place of the setting: host.")
@json_option
@one_line_errors
def trust(
    *,
    app_folder: Path,
    keys: tuple[str, ...],
    revoked: tuple[str, ...],
    cas: tuple[Path, ...],
    hosts: tuple[str, ...],
    pins: tuple[str, ...],
    as_json: bool,
    **texts: str | None,
) -> None:
    """Add to APP_FOLDER/enos_trust.json, and print what it holds.

    Boards that run the release believe it. To take something out, edit the file.
    """
    new = Additions(
        keys=tuple(key_files.digest_of(key, passphrase_of).hex() for key in keys),
        revoked=tuple(
            one for text in revoked for one in trust_update.revocations(text, passphrase_of)
        ),
        cas=tuple(der for path in cas for der in trust_update.cas(path)),
        hosts=hosts,
        pins=tuple(pin.lower() for pin in pins),
        texts={key: value for key, value in texts.items() if value is not None},
    )
    if new == Additions():
        found, files = trust_update.load(app_folder)
        problems = rules.check(found, files)
        if problems:
            raise TrustError(f"{app_folder / rules.NAME}: {problems[0]}")
    else:
        found, files = trust_update.update(app_folder, new)
    if as_json:
        click.echo(json.dumps(json.loads(rules.dump(found)), indent=2))
        return
    rows = rules.rows(found, files)
    print_table(
        str(app_folder / rules.NAME), rows or [("nothing", "boards trust what their settings say")]
    )
    print_warnings(rules.seldom_meant(found))
