"""The device's settings: `/enos.json` or its copy `/enos.bak`. Wrong types name the key."""

import json

from .log import log

# Every key with its default, whose type is the key's type. "" and 0 mean "not used".
_DEFAULTS: dict = {
    "product_key": "",
    "device_key": "",
    "device_secret": "",
    "mqtt": "",
    "http_broker": "",
    "base_url": "",
    "access_key": "",
    "secret_key": "",
    "org_id": "",
    "file_sign": "sha256",
    "ca": [],
    "wifi": [],
    "network": "wifi",
    "ntp": "",
    "trial_s": 600,
    "trial_app_s": 30,
    "check_s": 0,
    "watchdog_s": 0,
    "keepalive_s": 60,
}
_REQUIRED = ("product_key", "device_key", "device_secret", "mqtt")


class ConfigError(ValueError):
    """A setting is missing or of the wrong type; the text names the key and shows no value."""


class Config:
    """The settings as attributes, checked.

    Raises: ConfigError naming the key.
    """

    product_key: str
    device_key: str
    device_secret: str
    mqtt: str  # mqtts://host[:18883], or mqtt://host[:11883]
    http_broker: str  # https://host: serves enos-connect:// files to the device's own secret
    base_url: str  # https://host: relative fileUrl are joined to it, or asked of its getFile
    access_key: str  # with secret_key and org_id: sign getFile requests
    secret_key: str
    org_id: str
    file_sign: str  # sha256 or sha1, of getFile requests
    ca: list  # paths of CA certificates, DER
    wifi: list  # {"ssid", "password"}, tried in this order
    network: str  # wifi, or external: the application brings the link up
    ntp: str  # host
    trial_s: int
    trial_app_s: int
    check_s: int
    watchdog_s: int
    keepalive_s: int

    def __init__(self, settings: dict) -> None:
        for name, default in _DEFAULTS.items():
            value = settings.get(name, default)
            if not isinstance(value, type(default)) or isinstance(value, bool):
                raise ConfigError("%s must be a %s" % (name, type(default).__name__))
            setattr(self, name, value)
        for name in _REQUIRED:
            if not getattr(self, name):
                raise ConfigError(name + " is missing")
        for name in settings:
            if name not in _DEFAULTS:
                log("W", "unknown setting " + name)


def load(path: str = "/enos.json") -> Config:
    """Read the settings from `path`, or from its copy (`.bak`) when that one is damaged or gone.

    Raises: ConfigError when neither can be used.
    """
    reason = ""
    for name in (path, path.rsplit(".", 1)[0] + ".bak"):
        try:
            with open(name) as file:
                settings = json.load(file)
            if not isinstance(settings, dict):
                raise ConfigError("not a JSON object")
            return Config(settings)
        except (OSError, ValueError) as error:
            reason = reason or "%s: %s" % (name, error)
            log("E", "settings %s: %s" % (name, error))
    raise ConfigError(reason)
