"""The device's settings: `/enos.json` or its copy `/enos.bak`. Wrong types name the key."""

import json

from .log import log

# Every key with its default, whose type is the key's type. "" and 0 mean "not used".
_DEFAULTS: dict = {
    "product_key": "",
    "device_key": "",
    "device_secret": "",
    "mqtt": "",  # mqtts://host[:18883], or mqtt://host[:11883]
    "http_broker": "",  # https://host: serves enos-connect:// files to the device's own secret
    "base_url": "",  # https://host: relative fileUrl are joined to it, or asked of its getFile
    "hosts": [],  # other hosts, name or name:port, that a redirect or enos-lark:// may lead to
    "access_key": "",  # with secret_key and org_id: sign getFile requests
    "secret_key": "",
    "org_id": "",
    "file_sign": "sha256",  # or sha1, of getFile requests
    "ca": [],  # paths of CA certificates, DER
    "wifi": [],  # {"ssid", "password"}, tried in this order
    "network": "wifi",  # or hook: enos_link.up() brings the link up; external: the application does
    "ntp": "",  # host
    "trial_s": 600,
    "trial_app_s": 30,
    "check_s": 0,
    "watchdog_s": 120,  # 0: none but in trials
    "stuck_s": 3600,  # how long the application may leave the agent no memory or no Wi-Fi, before a reset
    "keepalive_s": 60,
    "upgrade_timeout_s": 7200,  # of EnOS's upgrade tasks: afterwards it has given the upgrade up
    "spread_s": 32,  # over which a fleet that lost its server comes back, at first; 16 times as much later
}
_REQUIRED = ("product_key", "device_key", "device_secret", "mqtt")


class ConfigError(ValueError):
    """A setting is missing or of the wrong type; the text names the key and shows no value."""


def check(settings):
    """The settings as attributes of an object that shows none of them when printed.

    Raises: ConfigError naming the key.
    """
    if not isinstance(settings, dict):
        raise ConfigError("not a JSON object")
    config = type("Config", (), {})()  # a class of this module would keep the module
    for name, default in _DEFAULTS.items():
        value = settings.get(name, default)
        if type(value) is not type(default):
            raise ConfigError("%s must be a %s" % (name, type(default).__name__))
        if not value and name in _REQUIRED:
            raise ConfigError(name + " is missing")
        if name == "network" and value not in ("wifi", "hook", "external"):
            raise ConfigError("network must be wifi, hook or external")
        setattr(config, name, value)
    for name in settings:
        if name not in _DEFAULTS:
            log("W", "unknown setting " + name)
    return config


def load(path: str):
    """Read the settings from `path`, or from its copy (`.bak`) when that one is damaged or gone.

    Raises: ConfigError when neither can be used.
    """
    for name in (path, path.rsplit(".", 1)[0] + ".bak"):
        try:
            with open(name) as file:
                return check(json.load(file))
        except (OSError, ValueError) as error:
            log("E", "settings %s: %s" % (name, error))
            reason = error
    raise ConfigError(str(reason))
