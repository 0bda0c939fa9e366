"""Flash images of boards that differ only in their settings."""

from __future__ import annotations

from collections.abc import Mapping

from host_tools import settings as rules
from host_tools.factory.bootloader import Stock
from host_tools.factory.errors import FactoryError
from host_tools.factory.files import board_files, with_ca
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

    def complete(self, settings: Settings, where: object) -> Settings:
        """The settings as the board will have them. Raises: FactoryError that says `where` they are wrong."""
        try:
            settings = with_ca(settings, self.cas)
            problems = rules.check(settings)
            if problems:
                more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
                raise FactoryError(problems[0] + more)
        except FactoryError as error:
            raise FactoryError(f"{where}: {error}") from None
        return settings

    def flash(self, settings: Settings, more: Mapping[str, bytes] | None = None) -> bytes:
        """The flash image of a board with settings that are `complete`; `more`: files by name.

        Raises: FactoryError when they do not fit, ReleaseError.
        """
        watchdog_s = (rules.defaults() | settings)["watchdog_s"]
        files = {**board_files(settings, self.cas, self.stock.chip), **(more or {})}
        return board_flash(self._base, self.layout, files, watchdog_s)
