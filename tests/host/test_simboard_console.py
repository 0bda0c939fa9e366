"""The serial console of a board, byte by byte: REPL, Ctrl-C, Ctrl-D, and nobody there."""

import os

import pytest
from console_fixtures import (
    CTRL_A,
    CTRL_B,
    CTRL_C,
    CTRL_D,
    END,
    PROMPT,
    RAW_PROMPT,
    Client,
    ConsoleBoard,
)
from simboard_fixtures import JOIN

from host_tools.simboard.console_text import ConsoleText
from host_tools.simboard.process import HERE

HELP = b'Type "help()" for more information.\r\n>>> '
STUCK = {
    "loop": "print('in')\nwhile True:\n    pass",
    "sleep": "import time\nprint('in')\ntime.sleep(1000)",
    "asyncio": "import asyncio\nasync def f():\n    print('in')\n    await asyncio.sleep(1000)\nasyncio.run(f())",
    "socket": "import socket\ns = socket.socket()\ns.bind(('', 0))\ns.listen(1)\nprint('in')\ns.accept()",
    "input": "import sys\nprint('in')\nsys.stdin.readline()",
    "flash": "import esp32\ntry:\n    esp32.Partition(1).readblocks(0, 1)\n"
    "except TypeError:\n    print('in')\nwhile True: pass",
    "collector": "print('in')\nwhile True:\n    a = [bytearray(50) for _ in range(100)]",
}


@pytest.fixture
def board(tmp_path):
    """Makes a board in `tmp_path`, and unplugs it at the end."""
    made = []

    def make(*scripts, **options):
        made.append(ConsoleBoard(tmp_path, *scripts, **options))
        return made[-1]

    yield make
    for one in made:
        one.unplug()


def test_repl_after_main_has_its_globals_and_the_chips_banner(board):
    running = board("in_main = 2\nprint('main')", boot="in_boot = 1\nprint('boot')")
    with Client(running.path) as client, running:
        start = client.until(PROMPT)
        assert start.startswith(b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)")
        assert b"boot\r\nmain\r\nMicroPython " in start
        assert start.endswith(b"; Generic ESP32 module with ESP32\r\n" + HELP)
        assert client.ask(b"in_boot, in_main\r").endswith(b"\r\n(1, 2)\r\n>>> ")
        assert client.ask(b"bytearray(200000)\r").count(b"MemoryError") == 1
        error = client.ask(b"import esp32; esp32.Partition('none')\r")
        assert error.endswith(
            b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
            b"OSError: [Errno 2] ENOENT\r\n>>> "
        )
    assert "main" in running.console
    assert ">>> in_boot, in_main" in running.console


def test_ctrl_c_ends_whatever_runs_and_nothing_at_a_prompt(board):
    running = board(JOIN)
    with Client(running.path) as client, running:
        client.until(PROMPT)
        assert client.ask(CTRL_C) == b"\r\n>>> "
        assert client.ask(b"unfinished" + CTRL_C).endswith(b"\r\n>>> ")
        client.raw()
        client.port.write(CTRL_C)
        for name, program in STUCK.items():
            client.port.write(program.encode() + CTRL_D)
            client.until(b"in\r\n")
            error = client.ask(CTRL_C, END)
            assert error.endswith(b"KeyboardInterrupt: \r\n" + END), name
            assert error.count(b", in <module>") == 1, name
        assert client.run("import time; print(time.gmtime()[0])") == ("2000\r\n", "")
        program = "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('in')\n"
        client.port.write(program.encode() + b"print(sys.stdin.read(2))" + CTRL_D)
        client.until(b"in\r\n")
        assert client.ask(CTRL_C + b"x", END) == CTRL_C + b"x\r\n" + CTRL_D + END
    assert running.boots() == [("ota_0", "PWRON")]


def test_ctrl_c_in_main_ends_at_the_prompt_and_in_boot_without_main(board):
    main = "print('main ran')\nimport time\ntime.sleep(1000)"
    boot = (
        "import machine\nif machine.reset_cause() == 5:\n    print('in boot')\n    while True: pass"
    )
    running = board(main, boot=boot)
    with Client(running.path) as client, running:
        client.until(b"main ran\r\n")
        assert b"KeyboardInterrupt" in client.ask(CTRL_C)
        client.ask(CTRL_D, b"in boot\r\n")
        again = client.ask(CTRL_C)
        assert b"KeyboardInterrupt" in again
        assert b"main ran" not in again
        assert again.endswith(HELP)


def test_ctrl_c_while_files_are_written_leaves_them_whole(board):
    write = (
        "i = 0\nprint('in')\nwhile True:\n    i += 1\n"
        "    with open('f%d' % (i % 3), 'w') as f:\n        f.write(str(i % 10) * (i % 3000 + 1))\n"
    )
    check = (
        "import os\nfor name in os.listdir():\n    if name[0] == 'f':\n"
        "        with open(name) as f:\n            text = f.read()\n"
        "        assert text == text[:1] * len(text), name\nprint('whole')\n"
    )
    running = board()
    with Client(running.path) as client, running:
        client.until(PROMPT)
        client.raw()
        for _ in range(12):
            client.port.write(write.encode() + CTRL_D)
            client.until(b"in\r\n")
            assert b"KeyboardInterrupt" in client.ask(CTRL_C, END)
            assert client.run(check) == ("whole\r\n", "")
    assert running.boots() == [("ota_0", "PWRON")]


def test_ctrl_d_is_a_soft_reset_and_in_raw_mode_one_without_main(board):
    main = JOIN + "print('main', machine.reset_cause())"
    boot = "import machine\nprint('boot', machine.reset_cause())"
    state = "import network, time; print(network.WLAN(0).isconnected(), time.gmtime()[0])"
    running = board(main, boot=boot)
    with Client(running.path) as client, running:
        assert b"boot 1\r\nmain 1\r\n" in client.until(PROMPT)
        client.ask(b"import machine; machine.RTC().datetime((2033, 5, 1, 0, 0, 0, 0, 0))\r")
        again = client.ask(CTRL_D, HELP)
        assert again.startswith(b"\r\nMPY: soft reboot\r\nboot 5\r\nmain 5\r\nMicroPython ")
        client.raw()
        assert (
            client.ask(CTRL_D, RAW_PROMPT) == b"OK\r\nMPY: soft reboot\r\nboot 5\r\n" + RAW_PROMPT
        )
        assert client.run(state) == ("True 2033\r\n", "")
        assert client.ask(CTRL_B, PROMPT).startswith(b"\r\nMicroPython ")
        assert b"MPY: soft reboot\r\nboot 5\r\nmain 5\r\n" in client.ask(CTRL_D)
        assert b"MPY: soft reboot\r\nboot 5\r\n" in client.ask(b"import sys; sys.exit()\r", HELP)
        client.raw()
        hard = client.ask(b"machine.reset()" + CTRL_D, HELP)
        assert b"rst:0xc (SW_CPU_RESET)" in hard
        assert b"boot 2\r\nmain 2\r\n" in hard


def test_raw_paste_takes_a_program_in_windows(board):
    program = "x = '" + "abc" * 300 + "'\nprint(len(x))\n"
    running = board()
    with Client(running.path) as client, running:
        client.until(PROMPT)
        client.raw()
        client.ask(b"\x05A\x01", b"R\x01")
        window = int.from_bytes(client.port.read(2), "little")
        left, text = window, program.encode()
        while text:
            piece, text = text[:left], text[left:]
            client.port.write(piece)
            if text:
                client.until(CTRL_A)
                left = window
        client.port.write(CTRL_D)
        assert client.until(END).endswith(CTRL_D + b"900\r\n" + CTRL_D + END)


def test_bytes_of_stdout_buffer_arrive_as_they_are(board):
    program = "import sys\nsys.stdout.buffer.write(b'a\\nb\\xff\\r\\n')\n"
    program += "print('u\\xff')\nprint('x', file=sys.stdout)\nsys.stdout.write('t\\n')"
    running = board()
    with Client(running.path) as client, running:
        client.until(PROMPT)
        client.raw()
        answer = client.ask(program.encode() + CTRL_D, END)
        assert answer == b"OKa\nb\xff\r\nu\xc3\xbf\r\nx\r\nt\r\n" + CTRL_D + END
    assert "x" in running.console


def test_exception_in_boot_ends_at_the_prompt_without_main(board):
    running = board("print('main')", boot="before = 1\n1/0")
    with Client(running.path) as client, running:
        start = client.until(PROMPT)
        assert b"ZeroDivisionError: divide by zero\r\nMicroPython " in start
        assert b"main\r\n" not in start
        assert client.ask(b"before\r").endswith(b"\r\n1\r\n>>> ")


def test_watchdog_that_is_not_fed_at_the_prompt_resets(board):
    boot = "import machine\nprint('cause', machine.reset_cause())"
    running = board(boot=boot)
    with Client(running.path) as client, running:
        client.until(PROMPT)
        client.port.write(b"machine.WDT(timeout=200)\r")
        assert b"cause 3\r\n" in client.until(HELP)
    assert running.boots() == [("ota_0", "PWRON"), ("ota_0", "WDT")]


def test_nobody_reading_blocks_no_board_and_leaves_nothing(board):
    main = "for i in range(20000):\n    print('%060d' % i)\nprint('DONE')"
    with board(main) as running:
        running.until("DONE")
        running.until("Type")
        with Client(running.path) as client:
            assert client.ask(b"\r") == b"\r\n>>> "
            for late in (True, False):
                client.port.write(CTRL_D)
                running.until("DONE")
                running.until("Type")
                if late:
                    assert 4096 < len(client.until(HELP)) < 100_000
        running.wait_forgotten()
        with Client(running.path) as client:
            assert client.ask(b"\r") == b"\r\n>>> "


def test_console_outlives_power_cuts_and_is_gone_once_unplugged(board):
    running = board()
    device = os.readlink(running.path)
    with Client(running.path) as client:
        client.port.write(b"typed = 1\r")
        assert client.port.read(1) == b""
        with running:
            assert b"typed" not in client.until(PROMPT)
            client.ask(b"kept = 1\r")
        client.port.write(b"typed = 1\r")
        with running:
            assert b"POWERON" in client.until(PROMPT)
            assert b"NameError" in client.ask(b"typed\r")
    assert os.readlink(running.path) == device
    running.unplug()
    assert not os.path.lexists(running.path)


def test_console_text_is_the_same_in_pieces_of_any_size():
    frame = b"\xffR\x00\x0bBANNER\nSHOW\xffB\x00\x03\n\xff\r\xffT\x00\x02t\n"
    ours = f'  File "{HERE}/vm/x.py", line 1, in f\n'.encode()
    printed = b"one\n" + frame + b"BANNER\r\n>>> \r\n" + ours + b'  File "x"\n  two'
    shown = b'one\r\n\n\xff\rt\r\nSHOW\r\n>>> \r\n  File "x"\r\n  two'
    for size in (1, 2, 5, 100):
        text = ConsoleText(raw=False)
        pieces = [text.feed(printed[i : i + size])[0] for i in range(0, len(printed), size)]
        assert b"".join(pieces) + text.flush() == shown
        assert text.at_repl
        assert not text.raw
