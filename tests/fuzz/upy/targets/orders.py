"""What EnOS commands: answered at once, obeyed, put off, kept through a reset, and obeyed then."""

import grammar
import machine
import past
import rig
from dice import mutate
from enos_ota import board, forget, messages
from enos_ota.agent import Agent
from enos_ota.errors import LinkError
from rig import meter

DECLARED = (machine.Reset, LinkError)
SHARE = 0.6
_CONFIG = rig.settings(check_s=60)
_TURNS = 6
_DESC = 100


class _Agent:
    """The agent, as far as orders know it; EnOS answers what the case says."""

    version = "1.0.0"
    mode = "auto"
    alone = False
    digest = ""
    clock_set_s = 1_800_000_000
    order = word = None
    order_ms = check_ms = 0
    config = _CONFIG
    _arrived = Agent._arrived
    call = Agent.call
    keep_order = Agent.keep_order
    tolerate = Agent.tolerate
    is_ordered = Agent._is_ordered

    def __init__(self, offers, answer) -> None:
        self.session = self
        self._offers = offers
        self._answer = answer
        self.order_ms = rig.clock.ticks_ms()

    def on_upgrade(self, firmware):
        return self._answer

    def select(self, offers):
        return offers[0] if offers else None

    def on_progress(self, step, desc) -> None:
        if not isinstance(step, int) or not isinstance(desc, str) or len(desc) > _DESC:
            meter.complain("a last word of %r" % ((step, desc),))

    def poll(self) -> None:
        pass

    def reply(self, tail, payload) -> None:
        pass

    async def request(self, kind, params, tries=3):
        messages.request(1, kind, params)
        try:
            if kind == "getversion":
                return messages.parse(self._offers)
        except Exception:  # the session drops such a message
            pass
        raise LinkError("no reply")

    async def check(self):
        from enos_ota.firmware import firmwares

        return firmwares(await self.request("getversion", {}))

    async def inform(self) -> None:
        pass

    def guard(self, timeout_s) -> None:
        board.watchdog(timeout_s or 3600)

    def start(self, firmware) -> None:
        self.digest = firmware.sign

    def stop(self) -> None:
        self.digest = ""


def make(dice):
    """The application's answer, the past of the board, what `getversion` is answered, and pushed messages."""
    parts = [bytes((dice.below(len(_ANSWERS)), dice.below(2)))] + past.make(dice)[:11]
    for count in (1, dice.between(1, 3)):
        for _ in range(count):
            params = grammar.firmware(dice, dice.often(b"2.0", b"1.0.0", b"v" * 200, b"\\u001b"))
            if dice.one_in(4):
                extra = grammar.members(
                    dice, ((b"tries", b"1"), (b"at", b"1"), (b"unfinished", b"true")), 2
                )
                params = params[:-1] + b"," + extra[1:]
            if dice.wrong(8):
                params = dice.pick(
                    (grammar.nested(dice, 900), grammar.value(dice), mutate(dice, params))
                )
            fields = (
                (b"id", b'"1"'),
                (b"code", b"200"),
                (b"params", params),
                (b"data", b"[" + params + b"]"),
            )
            parts.append(grammar.members(dice, fields, 12))
    return parts


_ANSWERS = (None, None, True, False, 5, 1e30, -3, "no", float("nan"))


def play(parts):
    past.install(parts[1:12] + [b""] * 4)
    from enos_ota import startup

    agent = _Agent(parts[12], _ANSWERS[parts[0][0] % len(_ANSWERS)])
    agent.order = startup.look_back("1.0.0", 120)[4]
    forget()
    count = rig.run(_life(agent, parts[13:], parts[0][1]))
    agent = _Agent(parts[12], None)  # after a reset
    from enos_ota import startup

    agent.order = startup.look_back("1.0.0", 120)[4]
    forget()
    rig.run(_life(agent, [], 0))
    return (
        "upgrade"
        if agent.digest
        else "word"
        if agent.word
        else "nothing"
        if not count
        else "arrived"
    )


async def _life(agent, pushed, kept):
    from enos_ota import orders

    count = 0
    for payload in pushed:
        try:
            agent._arrived(messages.parse(payload))
            count += 1
        except Exception:  # the session drops such a message
            pass
        if kept:
            agent.keep_order()
        await _obey(agent, orders)
    agent.keep_order()
    await orders.ask(agent)
    if agent.word:
        await orders.say(agent)
    await _obey(agent, orders)
    return count


async def _obey(agent, orders) -> None:
    for _ in range(_TURNS):
        if not agent.is_ordered(100_000):
            return
        await orders.obey(agent)
    if agent.is_ordered():
        meter.complain("an order is obeyed again and again: %r" % agent.order)


def reset() -> None:
    forget()
