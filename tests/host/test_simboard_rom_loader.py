"""The simulated ROM loader, packet by packet: what it refuses, and that no bytes bring it down."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import socket
import struct
import threading
import time
import tty
import zlib

import pytest

from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.rom import registers, slip
from host_tools.simboard.rom.flashing import checksum
from host_tools.simboard.rom.loader import MAX_PACKET_BYTES, SYNC_DATA, Loader
from host_tools.simboard.rom.serve import serve

FLASH_BYTES = 4 << 20
MAC_TEXT = "24:6f:28:7a:d8:84"
MAC = bytes.fromhex(MAC_TEXT.replace(":", ""))
BEGIN, DATA, END, SYNC, WRITE_REG, READ_REG = 2, 3, 4, 8, 9, 10
PARAMETERS, ATTACH, READ, DEFL_BEGIN, DEFL_DATA, MD5 = 0x0B, 0x0D, 0x0E, 0x10, 0x11, 0x13
INVALID, FAILED, CHECKSUM, WRITE_ERROR, READ_ERROR, TOO_LONG, DEFLATE = range(5, 12)
BLOCK = 1024
OLD = b"\x5a" * FLASH_BYTES


def words(*values):
    return struct.pack(f"<{len(values)}I", *values)


def packet(op, data=b"", check=0):
    return struct.pack("<BBHI", 0, op, len(data), check) + data


def block(op, sequence, data, check=None):
    body = words(len(data), sequence, 0, 0) + data
    return packet(op, body, checksum(data) if check is None else check)


class Chip:
    """A loader on a flash in memory, attached and of 4 MiB unless `cold`."""

    def __init__(self, cold=False):
        self.file = io.BytesIO(OLD)
        self.loader = Loader(Nor(self.file, FLASH_BYTES), MAC)
        if not cold:
            self.does(packet(ATTACH, words(0, 0)))
            self.does(packet(PARAMETERS, words(0, FLASH_BYTES, 65536, 4096, 256, 0xFFFF)))

    def does(self, sent):
        """Body and value of the one answer, which tells of success."""
        (answer,) = self.loader.handle(sent)
        direction, op, length, value = struct.unpack_from("<BBHI", answer)
        assert (direction, op, length) == (1, sent[1], len(answer) - 8)
        assert answer[-4:] == bytes(4)
        return answer[8:-4], value

    def refuses(self, sent):
        """The error byte of the one answer, which has nothing but status bytes."""
        (answer,) = self.loader.handle(sent)
        assert answer[:4] == bytes((1, sent[1], 4, 0))
        assert answer[8:9] + answer[10:] == b"\x01\x00\x00"
        return answer[9]

    def at(self, address, length):
        return self.file.getvalue()[address : address + length]


@pytest.fixture
def chip():
    return Chip()


# ---- commands


def test_sync_is_answered_eight_times_with_a_value_that_is_not_the_stubs(chip):
    assert chip.does(packet(READ_REG, words(0)))[1] == 0
    answers = chip.loader.handle(packet(SYNC, SYNC_DATA))
    assert answers == [bytes.fromhex("010804000712205500000000")] * 8


def test_unknown_command_is_answered_eight_times_under_another_number(chip):
    answers = chip.loader.handle(packet(0x14))
    assert len(answers) == 8
    assert all(answer[1] != 0x14 and answer[8:] == b"\x01\x05\x00\x00" for answer in answers)


def test_efuses_of_a_real_chips_mac_are_as_that_chip_has_them():
    assert registers.efuse_words(MAC)[1:4] == (0x287AD884, 0x003E246F, 0x0000A200)


def test_read_register_returns_its_value_and_later_answers_keep_it(chip):
    assert chip.does(packet(READ_REG, words(0x4000_1000))) == (b"", 0x00F0_1D83)
    assert chip.does(packet(ATTACH, words(0, 0))) == (b"", 0x00F0_1D83)


def test_write_register_changes_masked_bits_but_no_efuse(chip):
    for address, expected in ((0x3FF4_8074, 0x0000_FF00), (0x3FF5_A000, 0), (0x3FFB_0000, 0)):
        chip.does(packet(WRITE_REG, words(address, 0xFFFF_FFFF, 0x0000_FF00, 0)))
        assert chip.does(packet(READ_REG, words(address)))[1] == expected


@pytest.mark.parametrize("op", [BEGIN, END, SYNC, WRITE_REG, READ_REG, ATTACH, READ, MD5, DATA])
def test_parameters_of_a_wrong_length_are_invalid(chip, op):
    assert chip.refuses(packet(op, b"\x00" * 7)) == INVALID


def test_length_field_that_is_not_the_length_is_invalid(chip):
    good = packet(READ_REG, words(0x4000_1000))
    assert chip.refuses(good[:2] + b"\x05" + good[3:]) == INVALID
    (answer,) = chip.loader.handle(good, whole=False)
    assert answer[8:] == bytes((1, INVALID, 0, 0))


def test_answer_and_noise_are_not_answered(chip):
    for noise in (b"", b"\x00" * 7, b"\x01" + packet(SYNC, SYNC_DATA)[1:]):
        assert chip.loader.handle(noise) == []


@pytest.mark.parametrize("op", [5, 6, 7])
def test_download_into_ram_is_refused(chip, op):
    assert chip.refuses(packet(op, words(0, 0, 0, 0))) == FAILED


@pytest.mark.parametrize("flag", [0, 1])
def test_end_sends_the_chip_to_its_application(chip, flag):
    chip.does(packet(END, words(flag)))
    assert chip.loader.leaving


# ---- flash


def test_flash_that_is_not_attached_is_refused():
    chip = Chip(cold=True)
    for op, parameters in ((BEGIN, (4096, 4, BLOCK, 0)), (MD5, (0, 16, 0, 0))):
        assert chip.refuses(packet(op, words(*parameters))) in (FAILED, READ_ERROR)
    assert chip.file.getvalue() == OLD


def test_flash_beyond_2_mib_is_refused_until_the_size_is_set():
    chip = Chip(cold=True)
    chip.does(packet(ATTACH, words(0, 0)))
    chip.does(packet(BEGIN, words(4096, 4, BLOCK, 0x1FF000)))
    assert chip.refuses(packet(BEGIN, words(4096, 4, BLOCK, 0x200000))) == FAILED
    assert chip.at(0x1FF000, 8192) == b"\xff" * 4096 + OLD[:4096]


def test_size_set_larger_than_the_chip_reaches_no_further(chip):
    chip.does(packet(PARAMETERS, words(0, 16 << 20, 65536, 4096, 256, 0xFFFF)))
    assert chip.refuses(packet(BEGIN, words(8192, 8, BLOCK, FLASH_BYTES - 4096))) == FAILED
    assert chip.file.getvalue() == OLD


@pytest.mark.parametrize("op", [BEGIN, DEFL_BEGIN])
def test_begin_erases_whole_sectors_of_the_region(chip, op):
    chip.does(packet(op, words(4097, 5, BLOCK, 0x8000)))
    assert chip.at(0x7000, 0x4000) == OLD[:4096] + b"\xff" * 8192 + OLD[:4096]


def test_begin_inside_a_sector_is_refused(chip):
    chip.does(packet(BEGIN, words(0, 4, BLOCK, 0x8000)))
    assert chip.refuses(packet(BEGIN, words(4096, 4, BLOCK, 0x8004))) == FAILED
    assert chip.refuses(block(DATA, 0, b"x" * BLOCK)) == FAILED
    assert chip.file.getvalue() == OLD


def test_block_with_a_wrong_checksum_is_not_written(chip):
    chip.does(packet(BEGIN, words(4096, 4, BLOCK, 0x8000)))
    assert chip.refuses(block(DATA, 0, b"x" * BLOCK, check=checksum(b"x") ^ 1)) == CHECKSUM
    assert chip.at(0x8000, 4096) == b"\xff" * 4096


def test_write_without_erase_is_an_error_and_leaves_what_both_have(chip):
    chip.does(packet(BEGIN, words(0, 1, BLOCK, 0x8000)))
    assert chip.refuses(block(DATA, 0, b"\x0e" + b"\x5a" * 15)) == WRITE_ERROR
    assert chip.at(0x8000, 16) == b"\x0a" + b"\x5a" * 15


def test_block_goes_where_its_number_says_even_if_sent_again(chip):
    chip.does(packet(BEGIN, words(4096, 2, BLOCK, 0x8000)))
    for sequence in (1, 0, 1):
        chip.does(block(DATA, sequence, bytes((sequence,)) * BLOCK))
    assert chip.refuses(block(DATA, 2, b"x")) == INVALID
    assert chip.refuses(block(DATA, 1, b"x" * (BLOCK + 1))) == INVALID
    assert chip.at(0x8000, 4096) == bytes(BLOCK) + b"\x01" * BLOCK + b"\xff" * 2048


def test_compressed_blocks_are_written_as_they_inflate(chip):
    data = random.Random(1).randbytes(3000)
    stream = zlib.compress(data, 9)
    chip.does(packet(DEFL_BEGIN, words(3072, 3, BLOCK, 0x8000)))
    for sequence in range(3):
        chip.does(block(DEFL_DATA, sequence, stream[sequence * BLOCK :][:BLOCK]))
    assert chip.at(0x8000, 4096) == data.ljust(4096, b"\xff")
    expected = hashlib.md5(data).hexdigest().encode()
    assert chip.does(packet(MD5, words(0x8000, 3000, 0, 0)))[0] == expected


def test_compressed_block_out_of_order_is_refused(chip):
    chip.does(packet(DEFL_BEGIN, words(4096, 4, BLOCK, 0x8000)))
    assert chip.refuses(block(DEFL_DATA, 1, zlib.compress(b"x"))) == FAILED
    assert chip.refuses(block(DATA, 0, zlib.compress(b"x"))) == FAILED
    assert chip.at(0x8000, 4096) == b"\xff" * 4096


@pytest.mark.parametrize("stream", [b"x" * 64, zlib.compress(bytes(5000))])
def test_stream_that_is_broken_or_too_long_writes_nothing(chip, stream):
    chip.does(packet(DEFL_BEGIN, words(4096, 4, BLOCK, 0x8000)))
    assert chip.refuses(block(DEFL_DATA, 0, stream)) == DEFLATE
    assert chip.at(0x8000, 8192) == b"\xff" * 4096 + OLD[:4096]


def test_stream_that_outgrows_its_region_in_a_later_block_stops_there(chip):
    stream = zlib.compress(b"x" * 5000, 0)
    chip.does(packet(DEFL_BEGIN, words(4096, 3, 4096, 0x8000)))
    chip.does(block(DEFL_DATA, 0, stream[:3000]))
    assert chip.refuses(block(DEFL_DATA, 1, stream[3000:])) == DEFLATE
    assert set(chip.at(0x8000, 2900)) == {ord("x")}
    assert chip.at(0x9000, 16) == OLD[:16]


def test_slow_read_gives_64_bytes_and_no_more(chip):
    chip.file.seek(0x100)
    chip.file.write(b"0123")
    assert chip.does(packet(READ, words(0x100, 4)))[0] == b"0123" + bytes(60)
    assert chip.does(packet(READ, words(0x100, 64)))[0] == b"0123" + OLD[:60]
    assert chip.refuses(packet(READ, words(0x100, 65))) == TOO_LONG
    assert chip.refuses(packet(READ, words(FLASH_BYTES - 4, 5))) == READ_ERROR


# ---- frames


def test_frames_cut_anywhere_come_out_whole_between_garbage():
    frames = [b"\xc0\xdb\xdc\xdd", b"\xdb", packet(SYNC, SYNC_DATA)]
    stream = b"noise\xc0".join([b"", *map(slip.encode, frames)]) + b"noise"
    for size in range(1, len(stream)):
        decoder = slip.Decoder(64)
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        found = [frame for piece in pieces for frame in decoder.feed(piece)]
        assert all(frame.whole for frame in found)
        assert [frame.data for frame in found if frame.data != b"noise"] == frames


@pytest.mark.parametrize("bad", [b"ab\xdbc", b"ab\xdb", b"ab\xdb\xdb\xdc"])
def test_frame_with_a_wrong_escape_is_not_whole(bad):
    (frame, after) = slip.Decoder(64).feed(b"\xc0" + bad + b"\xc0next\xc0")
    assert frame == (b"ab", False)
    assert after == (b"next", True)


def test_oversize_frame_is_bounded_and_not_whole():
    decoder = slip.Decoder(16)
    for _ in range(1000):
        assert list(decoder.feed(b"x" * 1000)) == []
    assert list(decoder.feed(b"\xc0" + b"y" * 16 + b"\xc0")) == [
        (b"x" * 16, False),
        (b"y" * 16, True),
    ]


def damaged(rng, chip_packets):
    """Noise, or a good packet with a few bytes changed, cut or added, framed or not."""
    data = bytearray(rng.choice(chip_packets) if rng.random() < 0.8 else rng.randbytes(40))
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(data) + 1)
        data[place : place + rng.randrange(2)] = rng.randbytes(rng.randrange(3))
    return slip.encode(bytes(data)) if rng.random() < 0.9 else bytes(data)


def test_random_and_damaged_bytes_never_raise():
    rng = random.Random(20)
    good = [packet(op, rng.randbytes(4 * n)) for op in range(0x16) for n in (0, 1, 2, 4, 6)]
    good += [packet(BEGIN, words(8192, 8, BLOCK, 0)), block(DATA, 0, b"x" * 32)]
    good += [packet(DEFL_BEGIN, words(8192, 8, BLOCK, 0))]
    good += [block(DEFL_DATA, 0, zlib.compress(rng.randbytes(64)))]
    good += [
        packet(WRITE_REG, words(0x3FF4_2000 + offset, 1 << 18, 1 << 18, 0)) for offset in (0, 44)
    ]
    chip, decoder = Chip(), slip.Decoder(MAX_PACKET_BYTES)
    answered = 0
    for _ in range(20_000):
        for frame in decoder.feed(damaged(rng, good)):
            answered += len(chip.loader.handle(frame.data, frame.whole))
    assert answered > 10_000
    chip.does(packet(READ_REG, words(0x4000_1000)))


# ---- the line


@contextlib.contextmanager
def served():
    """A socket with a loader at its other end: (socket, flash, results of `serve`, stop)."""
    ours, theirs = socket.socketpair()
    nor = Nor(io.BytesIO(OLD), FLASH_BYTES)
    results, stop = [], threading.Event()
    thread = threading.Thread(
        target=lambda: results.append(serve(theirs.fileno(), nor, MAC_TEXT, stop))
    )
    thread.start()
    ours.settimeout(20)
    try:
        yield ours, nor, results, thread
    finally:
        stop.set()
        thread.join()
        ours.close()
        theirs.close()


def ask(line, sent):
    """Send bytes and return the first frame that comes back."""
    line.sendall(sent)
    decoder = slip.Decoder(MAX_PACKET_BYTES)
    while True:
        for frame in decoder.feed(line.recv(4096)):
            return frame.data


def test_oversize_packet_is_answered_as_invalid_and_the_next_one_works():
    with served() as (line, *_):
        answer = ask(line, slip.encode(packet(DATA, b"x" * 65_000)))
        assert answer[8:] == bytes((1, INVALID, 0, 0))
        answer = ask(line, slip.encode(packet(READ_REG, words(0x4000_1000))))
        assert answer == bytes.fromhex("010a0400831df00000000000")


def test_closed_socket_and_halted_flash_end_serving_with_false():
    with served() as (line, _, results, thread):
        line.close()
        thread.join()
        assert results == [False]
    with served() as (line, nor, results, thread):
        ask(line, slip.encode(packet(ATTACH, words(0, 0))))
        nor.halt()
        line.sendall(slip.encode(packet(READ, words(0, 4))))
        thread.join()
        assert results == [False]


def test_answers_that_nobody_reads_do_not_keep_serve_from_stopping():
    master, slave = os.openpty()
    tty.setraw(slave)
    results, stop = [], threading.Event()
    nor = Nor(io.BytesIO(OLD), FLASH_BYTES)
    thread = threading.Thread(
        target=lambda: results.append(serve(master, nor, MAC_TEXT, stop)), daemon=True
    )
    thread.start()
    os.set_blocking(slave, False)
    refused = 0
    while refused < 30:  # serve has stopped reading: it waits for us to take its answers
        try:
            os.write(slave, slip.encode(packet(SYNC, SYNC_DATA)))
            refused = 0
        except BlockingIOError:
            refused += 1
            time.sleep(0.01)
    stop.set()
    thread.join(5)
    assert results == [False]
    os.close(slave)
    os.close(master)
