"""What the tests of joining a network share: settings, and a radio that the test plays."""

import network
from enos_ota import link
from enos_ota.link import Link
from helpers import Case, run

HOME = ("home", "secret")
GUEST = ("guest", "")


class Config:
    """The settings of which `enos_ota.link` knows."""

    network = "wifi"
    ntp = ""
    wifi = ()


class Joining(Case):
    """`home` and `guest` are in the air; `lines`: what is logged."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = self.slow(link)
        self.lines = []
        self.patch(link, "log", lambda level, text: self.lines.append(text))
        self.air = network.State
        self.air.reset()
        self.air.known = dict((HOME, GUEST))
        self.air.polls_to_join = 3
        self.config = Config()

    def up(self, *wifi, again=False, **settings):
        if wifi:
            self.config.wifi = [{"ssid": ssid, "password": password} for ssid, password in wifi]
        for name, value in settings.items():
            setattr(self.config, name, value)
        return run(Link(self.config).up(again))
