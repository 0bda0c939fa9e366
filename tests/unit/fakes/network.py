"""`network` for unit tests: one station; `State.known` maps the SSIDs on the air to their passwords."""

STA_IF = 0


class State:
    """polls_to_join: `isconnected` calls until a right password is believed. error: what `connect` raises."""

    known = {}
    joined = None
    asked = []
    polls_to_join = 0
    active = False
    error = None
    _pending = None


class WLAN:
    def __init__(self, interface) -> None:
        assert interface == STA_IF

    def active(self, on=None):
        if on is not None:
            State.active = bool(on)
        return State.active

    def connect(self, ssid, password=None) -> None:
        if not State.active:
            raise OSError("Wifi Not Started")
        if State.error:
            raise State.error
        State.asked.append(ssid)
        State._pending = [ssid, State.polls_to_join] if State.known.get(ssid) == password else None

    def disconnect(self) -> None:
        if not State.active:
            raise OSError("Wifi Not Started")
        State.joined = State._pending = None

    def isconnected(self):
        pending = State._pending
        if pending:
            if pending[1] == 0:
                State.joined = pending[0]
                State._pending = None
            else:
                pending[1] -= 1
        return State.joined is not None
