"""`network` for unit tests: one station; `State.known` maps the SSIDs on the air to their passwords."""

STA_IF = 0


class State:
    """polls_to_join: `isconnected` calls until a right password is believed. error: what `connect` raises.

    is_full: there is no memory to start Wi-Fi. lingers: what is left stays connected until `settle`, as on
    the chip. made: how often a WLAN object was asked for: the first one takes the driver's memory.
    """

    known = {}
    joined = None
    asked = []
    polls_to_join = 0
    active = False
    error = None
    is_full = False
    lingers = False
    made = 0
    _pending = None
    _is_trying = False  # the driver, for ever
    _is_leaving = False

    @classmethod
    def reset(cls) -> None:
        """A radio that is off, and nothing in the air."""
        cls.known = {}
        cls.asked = []
        cls.joined = cls.error = cls._pending = None
        cls.active = cls.is_full = cls.lingers = False
        cls._is_trying = cls._is_leaving = False
        cls.polls_to_join = cls.made = 0

    @classmethod
    def settle(cls) -> None:
        """The driver's event of the end of a connection has come."""
        if cls._is_leaving:
            cls.joined = None
            cls._is_leaving = False


class WLAN:
    def __init__(self, interface) -> None:
        assert interface == STA_IF
        State.made += 1

    def active(self, on=None):
        if on is not None:
            if State.is_full:
                raise RuntimeError("Wifi Unknown Error 0x0101")
            if not State.active:
                State._is_trying = False
            State.active = bool(on)
        return State.active

    def connect(self, ssid, password=None) -> None:
        if not State.active:
            raise OSError("Wifi Not Started")
        if State.error:
            raise State.error
        if State._is_trying:
            raise OSError("Wifi Internal State Error")
        if not isinstance(ssid, str):
            raise TypeError("can't convert to str")
        State.asked.append(ssid)
        State._is_trying = True
        is_right = State.known.get(ssid) == (password or "")
        State._pending = [ssid, State.polls_to_join] if is_right else None

    def disconnect(self) -> None:
        if not State.active:
            raise OSError("Wifi Not Started")
        State._pending = None
        State._is_trying = False
        State._is_leaving = State.lingers
        if not State.lingers:
            State.joined = None

    def isconnected(self):
        pending = State._pending
        if pending:
            if pending[1] == 0:
                State.joined = pending[0]
                State._pending = None
                State._is_trying = False
            else:
                pending[1] -= 1
        return State.joined is not None

    def status(self):
        return 1010 if State.joined else 201
