"""What the tests of `enos_ota.trust` share: a release's folder, and the root of the board."""

import json
import os

from enos_ota import trust
from helpers import SCRATCH, Case

OWN = SCRATCH + "-app/"
KEPT = SCRATCH + "-root/"
FILE = "enos_trust.json"
KEYS = [letter * 64 for letter in "abcdef"]
CA = ["enos-%d.der" % n for n in range(4)]


class Trusting(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(trust, "log", lambda level, text: self.lines.append(text))
        self.patch(trust, "_OWN", OWN)
        self.patch(trust, "_KEPT", KEPT)
        for folder in (OWN, KEPT):
            os.mkdir(folder[:-1])

    def tearDown(self) -> None:
        for folder in (OWN, KEPT):
            self.empty(folder)
            os.rmdir(folder[:-1])
        super().tearDown()

    def empty(self, folder) -> None:
        for name in os.listdir(folder[:-1]):
            os.remove(folder + name)

    def release(self, **says) -> None:
        """The release that runs says this, and has the CAs that it names."""
        self.empty(OWN)
        self.put(OWN + FILE, json.dumps(says))
        for name in says.get("ca", ()):
            self.put(OWN + name, "certificate " + name)

    def kept(self, **says) -> None:
        """An earlier one said that."""
        self.put(KEPT + FILE, json.dumps(says))
        for name in says.get("ca", ()):
            self.put(KEPT + name, "certificate " + name)

    def put(self, path, data) -> None:
        with open(path, "w") as file:
            file.write(data)

    def root(self):
        """What is in the root, by the names of the files; that of the copy itself read."""
        found = {}
        for name in os.listdir(KEPT[:-1]):
            with open(KEPT + name) as file:
                found[name] = json.load(file) if name == FILE else file.read()
        return found
