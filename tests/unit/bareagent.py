"""The least of an agent, and of its settings, that an upgrade needs: it trusts no key and knows no host."""


class BareAgent:
    """One object for agent, session and settings; a test sets what it is about."""

    product_key = device_key = device_secret = "k"
    base_url = cert = ""
    hosts = pins = plain = keys = revoked = ()
    signature = "off"
    downgrade = False
    network = "external"
    upgrade_timeout_s = 7200
    spread_s = 32
    context = None
    is_linked = hushed = alone = False
    is_informed = True
    starved_ms = None
    clock_set_s = floor_s = doubts = 0

    def __init__(self) -> None:
        self.session = self.config = self

    def report(self, step, desc) -> None:
        pass

    def close(self) -> None:
        pass

    def keep_order(self) -> None:
        pass
