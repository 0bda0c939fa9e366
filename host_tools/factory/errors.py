"""What can be wrong with a flash image: every text is one line and says what to do."""

from __future__ import annotations


class FactoryError(Exception):
    """A flash image cannot be made of what was given."""
