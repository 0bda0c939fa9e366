"""What can be wrong with a release: every text is one line and says what to do."""

from __future__ import annotations


class ReleaseError(Exception):
    """A release cannot be made, or a file is not a sound one."""


class ImageError(ReleaseError):
    """The bytes are not a whole ESP32 app image."""


class RecordError(ReleaseError):
    """The bytes are not a release record, or a field of it is out of range."""


class AppError(ReleaseError):
    """The application folders cannot become an app file system."""


class SignatureError(ReleaseError):
    """A file cannot be signed, or with this key not."""


class KeyFileError(ReleaseError):
    """A file or text is not the key that is needed."""


class TrustError(ReleaseError):
    """What a release shall trust or revoke makes no sense."""
