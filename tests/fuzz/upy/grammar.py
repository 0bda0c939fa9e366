"""JSON as servers and broken files write it: right in form and wrong in content, or wrong in form."""

from dice import mutate

_TEXTS = (
    b"",
    b"0",
    b"-1",
    b"200",
    b" 200 ",
    b"1e3",
    b"0x10",
    b"null",
    b"a" * 64,
    b"0" * 64,
    b"A\\u0000B",
    b"\\r\\nX: y",
    b"\\u001b[2J",
    b"\\ud800",
    b"\\udfff\\ud800",
    b"\\ud83d\\ude00",
    b"\\uzzzz",
    b"\xc3\xa9\xe4\xb8\xad",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"%s%d%n",
    b"../../etc",
    b"\\\\\\/\\b\\f",
)
_NUMBERS = (
    b"0",
    b"-0",
    b"1",
    b"-1",
    b"200",
    b"200.0",
    b"2e2",
    b"0.5",
    b"-0.0",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"2147483647",
    b"2147483648",
    b"-2147483649",
    b"4294967296",
    b"9223372036854775808",
    b"1073741824",
    b"-1073741825",
    b"NaN",
    b"Infinity",
    b"1.2.3",
    b"--1",
    b"+1",
    b"1e",
    b"007",
)
_WORDS = (b"null", b"true", b"false", b"nul", b"True", b"")


def text(dice, most=300) -> bytes:
    """A string, in quotes."""
    kind = dice.below(8)
    if kind == 0:
        body = dice.pick((b"a", b"\xc3\xa9", b"\\u0000", b"9", b"/", b" ")) * dice.between(1, most)
    elif kind == 1:
        body = mutate(dice, dice.pick(_TEXTS))
    elif kind == 2:
        body = dice.bytes(dice.few(24))
    else:
        body = dice.pick(_TEXTS)
    return b'"' + body + b'"'


def number(dice) -> bytes:
    """A number, or nearly."""
    if dice.one_in(6):
        return dice.pick((b"9", b"1", b"-7")) * dice.between(1, 200)
    if dice.one_in(4):
        return b"%d" % dice.word()
    return dice.pick(_NUMBERS)


def nested(dice, most=250) -> bytes:
    """A deep or a wide value."""
    depth = dice.between(1, most)
    start, end = dice.pick(((b"[", b"]"), (b'{"a":', b"}"), (b"[[],", b"]"), (b"[{},", b"]")))
    if dice.one_in(3):
        return b"[" + dice.pick((b"[],", b"{},", b"0,", b'"",')) * depth + b"0]"
    return start * depth + value(dice, 0) + end * dice.often(depth, 0, depth - 1, depth + 1)


def value(dice, depth=2) -> bytes:
    """Any value."""
    kind = dice.below(12)
    if kind < 4:
        return text(dice)
    if kind < 7:
        return number(dice)
    if kind < 9 or not depth:
        return dice.pick(_WORDS)
    if kind == 9:
        return nested(dice)
    if kind == 10:
        return b"[" + b",".join([value(dice, depth - 1) for _ in range(dice.few(4))]) + b"]"
    pairs = [text(dice, 8) + b":" + value(dice, depth - 1) for _ in range(dice.few(4))]
    return b"{" + b",".join(pairs) + b"}"


def members(dice, fields, wrong=6) -> bytes:
    """An object with these (name, JSON) members; one in `wrong` of them is not what it should be."""
    pairs = []
    for name, usual in fields:
        right = usual
        kind = dice.below(8) if dice.wrong(wrong) else 9
        if kind == 0:
            continue
        key = b'"' + name + b'"'
        if kind == 1:
            key = dice.pick((value(dice, 0), name, b'"' + name + b'\\u0000"'))
        if 1 < kind < 8:
            right = value(dice)
        pairs.append(key + b":" + right)
        if kind == 7:
            pairs.append(key + b":" + value(dice))
    while dice.wrong(5):
        pairs.append(text(dice, 8) + b":" + value(dice))
    if dice.one_in(4):
        pairs.reverse()
    return b"{" + dice.often(b",", b", ", b" ", b",,", b"\n").join(pairs) + b"}"


def broken(dice, data, count=6) -> bytes:
    """JSON that is spoilt as a text once in `count` times."""
    if not dice.wrong(count):
        return data
    if dice.one_in(8):
        return dice.pick(
            (b"", b"\x00", b"\xef\xbb\xbf" + data, data + data, b"[" * dice.between(1, 600))
        )
    return mutate(dice, data)


def firmware(dice, version=b"2.0", url=None) -> bytes:
    """The params of an `upgrade`, or one offer of a `getversion_reply`."""
    urls = (b"https://files/f.bin", b"enos-connect://23f5.bin", b"enos-lark://23f5", b"/a b/f.bin")
    sign = dice.often(b"ab" * 32, b"AB" * 32, b"ab" * 16, b"zz" * 32, b"")
    return members(
        dice,
        (
            (b"version", b'"' + version + b'"'),
            (b"sign", b'"' + sign + b'"'),
            (b"signMethod", dice.often(b'"sha256"', b'"md5"', b'"SHA256"', b'"sha1"', b'""')),
            (b"fileUrl", b'"' + (url or dice.pick(urls)) + b'"'),
            (b"fileSize", dice.often(b"8192", b'"8192"', b"null", b"0", b"-1", b"1900545")),
        ),
        8,
    )
