"""What the tests of an upgrade that a reset cut short share: an agent that starts in the midst of one.

NVS is written and read without the journal: the heap has no room for it beside an upgrade.
"""

import json

from fakeagent import COMMAND, Upgrade, WithAgent

IDLE, FETCH, VERIFY, TRIAL, REPORT = range(5)
SIGN = COMMAND["sign"]
OTHER = dict(COMMAND, version="3.0", sign="cd" * 32)


class Unfinished(WithAgent):
    def cut_short(self, tries=0, at=0, **record) -> None:
        """An agent that starts in the midst of an upgrade to 2.0; the record's fields, where they differ.

        at, tries: of the command; tries is None where none was kept.
        """
        fields = {"state": FETCH, "version": "2.0", "sign": SIGN, "slot": 1}
        fields.update(record)
        nvs = self.chip.nvs
        nvs[("enos_ota", "journal")] = json.dumps(fields).encode()
        nvs[("enos_ota", "blocks")] = 5
        if tries is not None:
            nvs[("enos_ota", "command")] = json.dumps(dict(COMMAND, tries=tries, at=at)).encode()
        Upgrade.plan = ["hang"]
        self.make()
        self.start = self.clock.now_ms

    def kept(self, key):
        """What NVS holds under a key."""
        return json.loads(self.chip.nvs.get(("enos_ota", key), b"{}"))

    def begins(self, *versions):
        """Drive until an upgrade begins, to these in turn; the seconds it took."""
        self.drive(lambda: len(Upgrade.begun) == len(versions))
        self.assertEqual(Upgrade.begun, list(versions))
        return (self.clock.now_ms - self.start) // 1000

    def kinds(self):
        return [kind for kind, _ in self.session.done]

    def lists(self, *offers) -> None:
        self.session.answers["getversion"] = {"code": 200, "data": list(offers)}
