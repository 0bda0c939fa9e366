"""`enos-ota factory`: a complete flash image for one board, or for each of a batch."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools import settings as rules
from host_tools.board.certificates import PairReader
from host_tools.board.errors import BoardError
from host_tools.board.settings_warnings import warnings_of
from host_tools.board.trust_options import TrustOptions, trust_options
from host_tools.factory.batch import made, make_batch, pair_warnings, read_boards
from host_tools.factory.bootloader import Stock, read_stock
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import FAST_BAUD
from host_tools.factory.files import write_private
from host_tools.factory.image import AppSource, Release, load_release, make_first_release
from host_tools.factory.layout import Layout, flash_bytes, layout
from host_tools.factory.maker import Maker
from host_tools.factory.migrate_command import run as run_migration
from host_tools.factory.report import show
from host_tools.one_line import one_line
from host_tools.paths import ToolMissingError
from host_tools.release.arguments import Bytes, passphrase_of
from host_tools.release.errors import ReleaseError
from host_tools.settings import SettingsError

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--stock", type=FILE, required=True, help="MicroPython's .bin for the board.")
@click.option("--release", "release_file", type=FILE, help="What the boards run: a release.")
@click.option(
    "--app", "apps", type=FOLDER, multiple=True, help="… or a folder, with MicroPython of --stock."
)
@click.option("--version", default="", help="Version of the release made of --app.")
@click.option("--sequence", type=click.IntRange(0), help="Its sequence.")
@click.option("--product", default="", help="Its product.")
@click.option("--config", type=FILE, required=True, help="Settings: the board's /enos.json.")
@click.option("--ca", type=FILE, multiple=True, help="CA certificates, PEM or DER.")
@trust_options
@click.option("--out", type=FILE, help="The flash image of one board.")
@click.option("--batch", type=FILE, help="CSV: a board a line, with settings as columns.")
@click.option("--out-dir", type=FOLDER, help="Folder of a batch's images and manifest.csv.")
@click.option("--migrate", metavar="PORT", help="Write the board at PORT, and keep its files.")
@click.option("--backup", type=FOLDER, help="Folder for its files; default: ./migrate-MAC-DATE.")
@click.option("--leave", multiple=True, metavar="PATTERN", help="Files that do not come back.")
@click.option("--yes", is_flag=True, help="Do not ask before the flash is written.")
@click.option(
    "--by-hand", is_flag=True, help="The port has no reset lines: say when to press BOOT."
)
@click.option("--no-stub", is_flag=True, help="Use the ROM's loader alone: slower.")
@click.option(
    "--baud",
    type=click.IntRange(9600),
    default=FAST_BAUD,
    show_default=True,
    help="Of the port while the flash is written.",
)
@click.option("--flash-size", default="4MB", show_default=True, help="4MB, 8MB or 16MB.")
@click.option("--slot-size", type=Bytes(), help="Of an OTA slot; default: 0x1D0000 in 4 MB.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@one_line(BoardError, FactoryError, ReleaseError, SettingsError, ToolMissingError)
def factory(
    trust: TrustOptions,
    *,
    stock: Path,
    release_file: Path | None,
    apps: tuple[Path, ...],
    version: str,
    sequence: int | None,
    product: str,
    config: Path,
    ca: tuple[Path, ...],
    out: Path | None,
    batch: Path | None,
    out_dir: Path | None,
    migrate: str | None,
    backup: Path | None,
    leave: tuple[str, ...],
    yes: bool,
    by_hand: bool,
    no_stub: bool,
    baud: int,
    flash_size: str,
    slot_size: int | None,
    as_json: bool,
) -> None:
    """Make a complete flash image: for one board (--out), or for each in a CSV (--batch, --out-dir).

    --migrate writes it to a board that has another partition table, and brings its files back.

    Bootloader and MicroPython are those of --stock, which is what micropython.org offers for the
    board. Images hold the secrets of their boards: only their owner may read them.
    """
    _check_targets(out, batch, out_dir, migrate, trust)
    table = layout(flash_bytes(flash_size), slot_size)
    source = read_stock(stock)
    common = trust.settings(rules.load(config))
    cas = [der for path in ca for der in rules.ca_der(path)]
    app = AppSource(list(apps), version, sequence, product)
    maker = Maker(source, table, _release(source, table, release_file, app), cas)
    if batch is not None and out_dir is not None:
        plans = read_boards(batch, common, config, maker, PairReader(passphrase_of))
        rows = make_batch(plans, maker, out_dir)
        warnings = warnings_of(plans[0].settings) + pair_warnings(plans)
        show(maker, rows, out_dir / "NAME.bin", warnings, as_json)
        return
    pair = trust.pair()
    settings = maker.complete(common, config, pair)
    warnings = [*warnings_of(settings), *(pair.warnings if pair else ())]
    if migrate is not None:
        code = run_migration(
            maker,
            settings,
            pair,
            warnings,
            port=migrate,
            backup=backup,
            leave=leave,
            yes=yes,
            by_hand=by_hand,
            no_stub=no_stub,
            baud=baud,
            as_json=as_json,
        )
        click.get_current_context().exit(code)
    assert out is not None
    flash = maker.flash(settings, pair)
    write_private(out, flash)
    show(maker, [made(out.stem, settings, out, flash, maker)], out, warnings, as_json)


def _check_targets(
    out: Path | None,
    batch: Path | None,
    out_dir: Path | None,
    migrate: str | None,
    trust: TrustOptions,
) -> None:
    if (batch is None) != (out_dir is None) or sum(
        x is not None for x in (out, batch, migrate)
    ) != 1:
        raise click.UsageError(
            "give --out FILE for one board, or --batch CSV and --out-dir FOLDER, or --migrate PORT"
        )
    if batch is not None and (trust.cert or trust.key_file):
        raise click.UsageError(
            "no two boards share a key: in a batch, columns 'cert' and 'key' name the files of each"
        )


def _release(stock: Stock, table: Layout, path: Path | None, app: AppSource) -> Release:
    """The release of --release or of --app."""
    if (path is None) != bool(app.folders):
        raise click.UsageError("give what the boards run: --release FILE, or --app FOLDER")
    if path is None:
        return make_first_release(stock, table, app)
    if app.version or app.product or app.sequence is not None:
        raise click.UsageError("--version, --sequence and --product are in the --release already")
    return load_release(path, stock, table)
