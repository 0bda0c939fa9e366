"""Flash images of boards that differ only in their settings."""

from __future__ import annotations

from collections.abc import Mapping

from host_tools import settings as rules
from host_tools.board.certificates import Pair
from host_tools.factory.bootloader import Stock
from host_tools.factory.errors import FactoryError
from host_tools.factory.files import board_files, ders_of, with_ders
from host_tools.factory.image import Release, board_flash, flash_base
from host_tools.factory.layout import Layout
from host_tools.settings import Settings


class Maker:
    """Makes flash images of one release for one kind of board, with the same CAs (DER).

    Raises: FactoryError, ReleaseError.
    """

    def __init__(self, stock: Stock, layout: Layout, release: Release, cas: list[bytes]) -> None:
        self.stock = stock
        self.layout = layout
        self.release = release
        self.cas = cas
        self._base = flash_base(stock, layout, release)

    def complete(self, settings: Settings, where: object, pair: Pair | None = None) -> Settings:
        """The settings as the board will have them. Raises: FactoryError that says `where` they are wrong."""
        try:
            settings = with_ders(settings, self.cas, pair)
            problems = rules.check(settings)
            if problems:
                more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
                raise FactoryError(problems[0] + more)
        except FactoryError as error:
            raise FactoryError(f"{where}: {error}") from None
        return settings

    def files(self, settings: Settings, pair: Pair | None = None) -> dict[str, bytes]:
        """Name -> content of the files of a board with settings that are `complete`. Raises: ReleaseError."""
        return board_files(settings, ders_of(self.cas, pair), self.stock.chip)

    def flash(
        self,
        settings: Settings,
        pair: Pair | None = None,
        more: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """The flash image of a board with settings that are `complete`; `more`: files by name.

        Raises: FactoryError when they do not fit, ReleaseError.
        """
        watchdog_s = (rules.defaults() | settings)["watchdog_s"]
        files = {**self.files(settings, pair), **(more or {})}
        return board_flash(self._base, self.layout, files, watchdog_s)
