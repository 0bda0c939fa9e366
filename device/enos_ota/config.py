"""The device's settings: `/enos.json` or its copy `/enos.bak`. Wrong types name the key."""

import json

from micropython import const

from .log import log

# Every key with its default, whose type is the key's type. "" and 0 mean "not used".
_DEFAULTS: dict = {
    "product_key": "",
    "device_key": "",
    "device_secret": "",
    "mqtt": "",  # mqtts://host[:18883], or mqtt://host[:11883]
    "http_broker": "",  # https://host: serves enos-connect:// files to the device's own secret
    "base_url": "",  # https://host: relative fileUrl are joined to it, or asked of its getFile
    "hosts": [],  # other hosts, name or name:port, that may serve files where a signature is required
    "access_key": "",  # with secret_key and org_id: sign getFile requests
    "secret_key": "",
    "org_id": "",
    "file_sign": "sha256",  # or sha1, of getFile requests
    "ca": [],  # paths of CA certificates, DER
    "pins": [],  # of the broker's public key (SPKI), SHA-256 in hex: in place of a CA, and of a clock
    "cert": "",  # path of the device's own certificate, DER: for the broker only
    "key": "",  # path of its private key, DER
    "plain": [],  # what may go without TLS: "mqtt", "http"
    "signature": "",  # of releases: required, if_present, off; "": required once a key is known
    "keys": [],  # that may sign releases: SHA-256 in hex
    "revoked": [],  # keys that may not, and CAs, whatever else says so: SHA-256 in hex
    "downgrade": False,  # whether a release may be older than the one that runs
    "wifi": [],  # {"ssid", "password"}, tried in this order
    "network": "wifi",  # or hook: enos_link.up() brings the link up; external: the application does
    "ntp": "",  # host
    "trial_s": 600,
    "trial_app_s": 30,
    "check_s": 0,
    "watchdog_s": 120,  # 0: none but in trials; a day at most
    "stuck_s": 3600,  # how long the application may leave the agent no memory or no Wi-Fi, before a reset
    "keepalive_s": 60,
    "upgrade_timeout_s": 7200,  # of EnOS's upgrade tasks: afterwards it has given the upgrade up
    "spread_s": 32,  # over which a fleet that lost its server comes back, at first; 16 times as much later
}
_MOST_S = const(500_000)  # what ticks can measure on a 32-bit chip
_MOST = {"check_s": 0x3FFFFFFF, "keepalive_s": 65_535}  # the agent clips the one, MQTT the other
_REQUIRED = ("product_key", "device_key", "device_secret", "mqtt")
_CHOICES = {
    "network": ("wifi", "hook", "external"),
    "signature": ("", "required", "if_present", "off"),
}
_DIGESTS = {"keys": (1, 3), "pins": (2, 8), "revoked": (1, 999)}  # how many, where there are any


class ConfigError(ValueError):
    """A setting is missing or of the wrong type; the text names the key and shows no value."""


def check(settings):
    """The settings as attributes of an object that shows none of them when printed.

    Raises: ConfigError naming the key.
    """
    if not isinstance(settings, dict):
        raise ConfigError("not a JSON object")
    config = type("Config", (), {})()  # a class of this module would keep the module
    nothing: list = []  # one for all
    for name, default in _DEFAULTS.items():
        value = settings.get(name, default)
        if type(value) is not type(default):
            raise ConfigError("%s must be a %s" % (name, type(default).__name__))
        _check_value(name, value)
        if value and name in _DIGESTS:
            value = _digests(name, value)
        setattr(config, name, nothing if value == nothing else value)
    _check_plain(config)
    if not config.signature:
        config.signature = "required" if config.keys else "off"
    if config.signature != "required" and config.hosts:
        log("W", "hosts are not used: signature is not required")
        config.hosts = nothing
    for name in settings:
        if name not in _DEFAULTS:
            log("W", "unknown setting %s" % name)
    return config


def _check_value(name: str, value) -> None:
    if not value and name in _REQUIRED:
        raise ConfigError(name + " is missing")
    if isinstance(value, int) and not 0 <= value <= _MOST.get(name, _MOST_S):
        raise ConfigError("%s must be 0 to %d" % (name, _MOST.get(name, _MOST_S)))
    if isinstance(value, list):
        for entry in value:
            if type(entry) is not (dict if name == "wifi" else str):
                raise ConfigError("%s must not hold a %s" % (name, type(entry).__name__))
    if value not in _CHOICES.get(name, (value,)):
        raise ConfigError("%s must be one of %s" % (name, ", ".join(_CHOICES[name])))


def _check_plain(config) -> None:
    for name in ("mqtt", "http_broker", "base_url"):
        scheme = getattr(config, name).partition("://")[0]
        if scheme in ("mqtt", "http") and scheme not in config.plain:
            raise ConfigError('%s is without TLS: plain must hold "%s"' % (name, scheme))
    if config.plain:
        log("W", "without TLS, as configured: %s" % config.plain)


def _digests(name: str, values: list) -> list:
    least, most = _DIGESTS[name]
    if not least <= len(values) <= most:
        raise ConfigError("%s must be %d to %d digests" % (name, least, most))
    for value in values:
        if not isinstance(value, str) or len(value) != 64 or value.strip("0123456789abcdefABCDEF"):
            raise ConfigError(name + " must be SHA-256 digests in hex")
    return [value.lower() for value in values]


def load(path: str, *ways):
    """Read the settings from `path`, or from its copy (`.bak`) when that one is damaged or gone.

    ways: functions that add to them, each for the case that they cannot be used with what the one before adds.
    Raises: ConfigError when neither can be used.
    """
    for way in ways or (lambda settings: settings,):
        for name in (path, path.rsplit(".", 1)[0] + ".bak"):
            try:
                with open(name) as file:
                    return check(way(json.load(file)))
            except (OSError, ValueError, MemoryError) as error:
                log("E", "settings %s: %s" % (name, error))
                reason = error
    raise ConfigError(str(reason))
