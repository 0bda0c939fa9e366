"""Percent-encoding, as EnOS's addresses need it. Pure."""


def quote(text: str, also: str = "-._~") -> str:
    """Percent-encode everything but ASCII letters, digits and what is in `also`."""
    out = ""
    for code in text.encode():
        char = chr(code)
        plain = code < 128 and (char.isalpha() or char.isdigit() or char in also)
        out += char if plain else "%%%02X" % code
    return out
