"""The `Date` that a server tells."""

from dice import mutate
from enos_ota.servertime import parse
from rig import meter

DECLARED = ()
SHARE = 2
_LEAST_S = 946_684_800  # 2000, where the chip's clock begins
_MOST_S = _LEAST_S + (1 << 31)
_MONTHS = (
    b"Jan",
    b"Feb",
    b"Mar",
    b"Apr",
    b"May",
    b"Jun",
    b"Jul",
    b"Aug",
    b"Sep",
    b"Oct",
    b"Nov",
    b"Dec",
    b"anF",
    b"",
)
_ODD = (
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"0",
    b"Thu, 01 Jan 1970 00:00:00 GMT",
    b"",
)


def make(dice):
    """A date."""
    number = dice.between
    date = b"%s, %02d %s %04d %02d:%02d:%02d %s" % (
        dice.often(b"Sun", b"X", b""),
        dice.often(number(1, 31), 0, 32, 99),
        dice.pick(_MONTHS[:12]) if not dice.wrong(9) else dice.pick(_MONTHS),
        dice.often(number(2020, 2040), 1999, 2000, 2199, 2200, 9999, 0),
        dice.often(number(0, 23), 24, 99),
        dice.often(number(0, 59), 60),
        dice.often(number(0, 59), 60, 61),
        dice.often(b"GMT", b"UTC", b"gmt", b""),
    )
    if dice.wrong(6):
        date = dice.pick(_ODD)
    return [mutate(dice, date) if dice.wrong(3) else date]


def play(parts):
    text = "".join([chr(byte) for byte in parts[0]])
    found = parse(text)
    if found and not _LEAST_S <= found < _MOST_S:
        meter.complain("a date that no clock can be set to")
    return "date" if found else "none"
