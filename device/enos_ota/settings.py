"""The settings as the agent uses them, and its log-in: found out before anything else, and forgotten again."""

from . import config, identity
from .log import log
from .trust import extended, with_revoked


def load(source):
    """The settings from a dict, or from the file at a path, with what the release says about whom to trust.

    Raises: config.ConfigError naming the key.
    """
    if not isinstance(source, dict):
        return config.load(source, extended, with_revoked)
    try:
        return config.check(extended(source))
    except config.ConfigError as error:
        log("E", "settings of the release: %s" % error)
        return config.check(with_revoked(source))


def login(keys) -> tuple:
    """Client id, user and password of the MQTT session, from the settings."""
    return identity.mqtt_login(keys.product_key, keys.device_key, keys.device_secret)
