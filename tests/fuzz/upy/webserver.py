"""What an HTTP server may say: right, nearly right, and wrong; and a check of what the device asks it."""

from dice import maybe, mutate
from rig import check_secret, meter

_STATUS = (
    b"200",
    b"206",
    b"206",
    b"301",
    b"302",
    b"307",
    b"401",
    b"404",
    b"416",
    b"429",
    b"500",
    b"503",
    b"100",
    b"204",
)
_ODD_STATUS = (b"099", b"600", b"999", b"2e2", b"-20", b"20", b"2000", b"", b"0xC", b"\xff\xff\xff")
_LENGTHS = (
    b"-1",
    b"+5",
    b"0x10",
    b"1e3",
    b"",
    b"  7  ",
    b"5,5",
    b"1073741824",
    b"9" * 40,
    b"4294967301",
    b"\xc2\xb2",
    b"7 7",
)
_ODD_HEADERS = (
    b"X-Long: " + b"a" * 1100,
    b" folded: yes",
    b"\tfolded",
    b"No colon",
    b": no name",
    b"Blank : before colon",
    b'ETag: W/"weak"',
    b'ETag: "strong"',
    b'ETag: "',
    b"Connection: close",
    b"Content-Length: 5",
    b"Content-Length : 5",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"\x00: \x00",
    b"\xff\xfe: \xff",
    b"Location:",
    b"Set-Cookie: a=b",
)


def answer(dice, data=b"", status=None, headers=(), chunked=False) -> bytes:
    """A whole answer."""
    code = status or dice.pick(_STATUS)
    if dice.wrong(20):
        code = dice.pick(_ODD_STATUS)
    version = dice.often(
        b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"HTTP/1.", b"HTTP/11", b"ICY"
    )
    lines = [version + b" " + code + dice.often(b" OK", b"", b" ", b"X", b" \xff")]
    lines += headers
    if chunked or dice.wrong(8):
        lines.append(
            b"Transfer-Encoding: "
            + dice.often(b"chunked", b"Chunked", b"identity", b"chunked, chunked")
        )
        data = chunks(dice, data)
    else:
        length = dice.often(
            b"%d" % len(data), b"%d" % (len(data) + dice.below(9)), b"%d" % (len(data) // 2)
        )
        if dice.wrong(10):
            length = dice.pick(_LENGTHS)
        if not dice.wrong(20):
            lines.append(
                dice.often(b"Content-Length: ", b"content-length:", b"CONTENT-LENGTH:\t") + length
            )
    while dice.wrong(6):
        lines.insert(1 + dice.below(len(lines)), dice.pick(_ODD_HEADERS))
    if dice.wrong(30):
        lines += [b"X-%d: y" % n for n in range(dice.between(58, 70))]
    head = dice.often(b"\r\n", b"\n", b"\r", b"\r\r\n").join(lines + [b"", b""])
    early = b""
    while dice.wrong(12):
        early += dice.pick((b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 \r\nLink: x\r\n\r\n"))
    late = b"" if not dice.wrong(15) else dice.bytes(dice.few(20))
    return early + maybe(dice, head, 12) + data + late


def chunks(dice, data) -> bytes:
    """A body in chunks."""
    out = b""
    while data:
        count = min(len(data), dice.between(1, 200))
        size = dice.often(
            b"%x" % count, b"%X" % count, b"000%x" % count, b"%x;ext=1" % count, b" %x " % count
        )
        if dice.wrong(12):
            size = dice.pick(
                (
                    b"",
                    b"-1",
                    b"g",
                    b"ffffffff",
                    b"40000000",
                    b"0x5",
                    b"%x" % (count + 1),
                    b"f" * 1030,
                )
            )
        out += (
            size
            + dice.often(b"\r\n", b"\n")
            + data[:count]
            + dice.often(b"\r\n", b"\n", b"", b"x\r\n")
        )
        data = data[count:]
    out += dice.often(b"0\r\n", b"0;x\r\n", b"00\r\n", b"")
    while dice.wrong(6):
        out += dice.pick((b"Trailer: x\r\n", b"t" * 1030, b"x: y\r\n" * 70))
    return maybe(dice, out + dice.often(b"\r\n", b"", b"\n"), 12)


def noise(dice) -> bytes:
    """What is no HTTP."""
    return dice.pick(
        (
            b"",
            b"\x15\x03\x03\x00\x02\x02\x46",
            b"<html>",
            b"SSH-2.0-x\r\n",
            dice.bytes(dice.few(60)),
        )
    ) + mutate(dice, b"HTTP/1.1 200 OK\r\n\r\n")


def check_request(data, peer=None) -> bool:
    """What the device asks is one request to the host that it is connected to; whether it is answered."""
    head, end, _ = bytes(data).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ")
    if not end or len(words) != 3 or words[0] not in (b"GET", b"POST") or words[2] != b"HTTP/1.1":
        meter.complain("no request: %r" % bytes(data[:80]))
    if min(head.replace(b"\r\n", b"")) < 32:
        meter.complain("a control character in a request: %r" % head[:80])
    if not words[1].startswith(b"/"):
        meter.complain("an address of %r" % words[1][:80])
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    if len(names) != len(set(names)):
        meter.complain("a header twice: %r" % head[:200])
    if peer and lines[1].partition(b": ")[2].split(b":")[0].lower() != peer[0].lower().encode():
        meter.complain("%r asked of %r" % (lines[1], peer))
    check_secret(head)
    return True
