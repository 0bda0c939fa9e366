"""What the codes in EnOS's replies mean."""

_MEANINGS = {
    "1008": "message too large",
    "1009": "no permission, or not logged in",
    "1220": "payload is not JSON",
    "1251": "payload is empty",
    "1260": "method does not fit the topic",
}


def meaning(code) -> str:
    """A reply's code in words."""
    return "code %s (%s)" % (code, _MEANINGS.get(str(code), "unknown"))
