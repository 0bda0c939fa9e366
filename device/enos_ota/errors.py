"""What can go wrong in an upgrade, and the `step` that tells EnOS.

-1 to -4 are EnOS's own codes, -5 is its SDKs' "ignored", lower ones are ours (EnOS leaves them free).
"""


class OtaError(Exception):
    """Base of all: the text is for an operator, without URL, key or session."""

    step = -1


class UpgradeError(OtaError):
    """The command cannot be used: fields, chip, slot size; or anything unforeseen."""


class DownloadError(OtaError):
    """Network, TLS, HTTP status, short or oversize body, unknown URL scheme."""

    step = -2


class LinkError(DownloadError):
    """A connection failed, was refused, went silent past its deadline, or was closed."""


class StarvedError(LinkError):
    """The application leaves the agent no memory for a TLS session, or no network."""


class VerifyError(OtaError):
    """What arrived is not the release that was commanded."""

    step = -3


class BurnError(OtaError):
    """Erase, program, read-back or `set_boot` failed."""

    step = -4


class RefusedError(OtaError):
    """The device declined: its application did not want it."""

    step = -5


class RolledBackError(OtaError):
    """The new image did not pass its trial; the former one runs again."""

    step = -6


class GaveUpError(OtaError):
    """A budget of retries or resets is spent."""

    step = -7
