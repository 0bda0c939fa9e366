"""Options of `provision` and `factory` that say whom a board trusts, and what it shows of itself."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

import click
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from host_tools.board.certificates import Pair, PairReader, spki
from host_tools.release.arguments import passphrase_of
from host_tools.release.keys import digest_of
from host_tools.settings import Settings, SettingsError, read_file

P = ParamSpec("P")
FILE = click.Path(path_type=Path, dir_okay=False)
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_PUBLIC: tuple[Callable[[bytes], PublicKeyTypes], ...] = (
    lambda data: x509.load_pem_x509_certificate(data).public_key(),
    lambda data: x509.load_der_x509_certificate(data).public_key(),
    lambda data: x509.load_pem_x509_csr(data).public_key(),
    load_pem_public_key,
    load_der_public_key,
)


@dataclass(frozen=True)
class TrustOptions:
    """What was given on the command line; nothing is read yet."""

    cert: Path | None
    key_file: Path | None
    signing_keys: tuple[str, ...]
    pins: tuple[str, ...]

    def pair(self) -> Pair | None:
        """The board's certificate and key, None where none was given. Raises: SettingsError."""
        if self.cert is None and self.key_file is None:
            return None
        if self.cert is None or self.key_file is None:
            raise SettingsError(
                "--cert and --key-file: give both, the certificate and the key that belongs to it"
            )
        return PairReader(passphrase_of).read(self.cert, self.key_file)

    def settings(self, given: Settings) -> Settings:
        """`given` with `keys` and `pins` of the options.

        Raises: SettingsError where it has others, or a file cannot be used; ReleaseError for a signing key that
        boards cannot verify.
        """
        keys = [digest_of(text, passphrase_of).hex() for text in self.signing_keys]
        pins = [pin(text) for text in self.pins]
        for name, option, digests in (("keys", "--signing-key", keys), ("pins", "--pin", pins)):
            if digests and given.get(name, digests) != digests:
                raise SettingsError(
                    f"{option}: the settings have {name} already: give all in one place"
                )
        found = {"keys": keys, "pins": pins}
        return given | {name: digests for name, digests in found.items() if digests}


def trust_options(
    function: Callable[Concatenate[TrustOptions, P], None],
) -> Callable[P, None]:
    """Options --cert, --key-file, --signing-key and --pin, passed as the first argument, a TrustOptions."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        found = [kwargs.pop(name) for name in ("cert", "key_file", "signing_keys", "pins")]
        function(TrustOptions(*found), *args, **kwargs)  # type: ignore[arg-type]

    for option in (
        click.option("--pin", "pins", multiple=True, metavar="FILE|HEX",
            help="Know the broker by its public key: that of a certificate, of a request, or its SHA-256. "
            "Twice at least: now and next."),
        click.option("--signing-key", "signing_keys", multiple=True, metavar="FILE|DIGEST",
            help="Take releases signed by this key: its public key, PEM, or its digest. Up to three, in place "
            "of former ones."),
        click.option("--key-file", type=FILE, help="The private key of --cert, PEM or DER."),
        click.option("--cert", type=FILE, help="The board's own certificate, PEM or DER."),
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped


def pin(text: str) -> str:
    """SHA-256 in hex of the public key (SPKI) that `text` names: a file, or that digest itself.

    Raises: SettingsError.
    """
    if _DIGEST.fullmatch(text):
        return text.lower()
    path = Path(text)
    if not path.exists():
        raise SettingsError(f"--pin {text}: neither a file nor the 64 hex digits of a SHA-256")
    content = read_file(path)
    for load in _PUBLIC:
        try:
            return hashlib.sha256(spki(load(content))).hexdigest()
        except (ValueError, UnsupportedAlgorithm):
            continue
    what = (
        "a private key"
        if b"PRIVATE KEY-----" in content
        else "no certificate, request or public key"
    )
    raise SettingsError(
        f"--pin {path}: {what}: give a certificate, or what 'openssl pkey -in KEY -pubout' writes"
    )
