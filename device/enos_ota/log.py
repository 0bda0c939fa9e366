"""One line per event that matters: time, level, text."""

import time

_LIMIT = 160  # characters: a serial console at 115200 baud prints them in 14 ms


def log(level: str, text: str) -> None:
    """Print one line; `level` is one of I, W, E. The text must hold no secret.

    What comes from others may hold anything: nothing in it starts a new line or moves the cursor.
    """
    now = time.gmtime()
    text = text[:_LIMIT].replace("\n", " ")
    for char in text:
        if not " " <= char <= "~":
            text = text.replace(char, "?")
    print("%02d:%02d:%02d %s enos: %s" % (now[3], now[4], now[5], level, text))
