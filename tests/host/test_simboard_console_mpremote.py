"""mpremote at a simulated board as at a real one: every command, with a soft reset first and without."""

import hashlib
import http.server
import json
import subprocess
import threading

import pytest
from console_fixtures import PROMPT, Client, ConsoleBoard

from host_tools import paths
from host_tools.simboard.make import TABLES

BOOT = "print('boot ran')\nwith open('boots', 'a') as f:\n    f.write('.')"
MAIN = "with open('mains', 'a') as f:\n    f.write('.')"
BINARY = bytes(range(256)) * 5


@pytest.fixture(params=["reset", "resume"])
def mpremote(request, tmp_path):
    """Runs mpremote at a board that is on, with or without `resume`; returns what it prints."""
    board = ConsoleBoard(tmp_path, MAIN, boot=BOOT)
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments):
        command = [paths.tool("mpremote"), "connect", str(board.path)]
        command += ["resume"] if request.param == "resume" else []
        result = subprocess.run(
            [*command, *arguments],
            cwd=work,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    run.work, run.board, run.resets = work, board, request.param == "reset"
    with board:
        board.until("Type")
        yield run
    board.unplug()


def test_mpremote_files_go_both_ways_and_programs_run(mpremote):
    folder = mpremote.work / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "text.txt").write_text("one\ntwo\n")
    (folder / "sub" / "data.bin").write_bytes(BINARY)
    (folder / "program.py").write_text("import os\nprint('ran in', os.getcwd())\n")
    mpremote("cp", "-r", "tree", ":", "+", "mkdir", ":made", "+", "touch", ":made/empty")
    assert "     8 text.txt" in mpremote("ls", ":tree")
    shown = mpremote("tree", "+", "sha256sum", ":tree/sub/data.bin", "+", "df")
    assert "    ├── sub\n    │   └── data.bin\n    └── text.txt\n" in shown
    assert hashlib.sha256(BINARY).hexdigest() in shown
    size_bytes = next(entry.size for entry in TABLES["ours"] if entry.label == "vfs")
    assert f"<VfsLfs2>    {size_bytes}" in shown
    mpremote("cp", ":tree/sub/data.bin", "back.bin")
    assert (mpremote.work / "back.bin").read_bytes() == BINARY
    assert mpremote("cat", ":tree/text.txt") == "one\ntwo\n"
    assert mpremote("run", "tree/program.py") == "ran in /\n"
    mpremote("rm", "-r", ":tree", "+", "rm", ":made/empty", "+", "rmdir", ":made")
    assert [line.split()[1] for line in mpremote("ls").splitlines()] == [
        ":", "boot.py", "boots", "main.py", "mains",
    ]  # fmt: skip


def test_mpremote_exec_eval_errors_and_resets_are_the_chips(mpremote):
    with pytest.raises(AssertionError, match="ZeroDivisionError: divide by zero"):
        mpremote("exec", "1/0")
    assert mpremote("eval", "1 + 1") == "2\n"
    mpremote("soft-reset")
    assert mpremote("eval", "__import__('machine').reset_cause()") == "5\n"
    mpremote("reset")
    mpremote.board.until(lambda e: e["event"] == "boot" and e["cause"] == "HARD")
    mpremote.board.until("Type")
    files = mpremote("exec", "for n in 'boots', 'mains':\n  with open(n) as f: print(f.read())")
    boots, mains = (len(line) for line in files.split())
    # main.py ran at power-on and after the reset: never after a soft reset in raw mode.
    assert mains == 2
    assert boots == (8 if mpremote.resets else 3)


def test_mpremote_mount_serves_files_of_the_host(mpremote):
    (mpremote.work / "text.txt").write_bytes(b"one\ntwo\n")
    (mpremote.work / "data.bin").write_bytes(BINARY)
    program = (
        "import os\nprint(os.getcwd(), open('text.txt').read())\n"
        "print(open('data.bin', 'rb').read() == bytes(range(256)) * 5)\n"
        "with open('out.bin', 'wb') as f:\n    f.write(bytes(range(256)))"
    )
    assert "/remote one\ntwo\n\nTrue\n" in mpremote("mount", ".", "exec", program)
    assert (mpremote.work / "out.bin").read_bytes() == bytes(range(256))


def test_mpremote_mip_installs_from_a_folder_and_from_an_index(mpremote):
    package = mpremote.work / "package"
    package.mkdir()
    urls = [["local_package/__init__.py", "init.py"]]
    (package / "package.json").write_text(json.dumps({"urls": urls, "version": "1"}))
    (package / "init.py").write_text("where = 'folder'\n")
    mpremote("mip", "install", "package/package.json")
    module = b"where = 'index'\n"
    name = hashlib.sha256(module).hexdigest()[:8]
    latest = {"hashes": [["indexed.py", name]], "version": "1.0"}
    served = {
        "/package/py/indexed/latest.json": json.dumps(latest).encode(),
        f"/file/{name[:2]}/{name}": module,
    }
    with index(served) as url:
        mpremote("mip", "install", "--index", url, "--no-mpy", "indexed")
    program = "import local_package, indexed\nprint(local_package.where, indexed.where)"
    assert mpremote("exec", program) == "folder index\n"


class index:
    """A package index on the loopback: `served` by path; its URL in a `with`."""

    def __init__(self, served):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = served.get(self.path)
                self.send_response(200 if body else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def test_mpremote_interrupts_a_main_that_never_ends(tmp_path):
    board = ConsoleBoard(tmp_path, "print('on')\nwhile True: pass")
    with board:
        board.until("on")
        for path in (board.path, board.path.readlink()):
            command = [paths.tool("mpremote"), "connect", str(path), "resume"]
            done = subprocess.run(
                [*command, "eval", "6 * 7"], capture_output=True, check=False, timeout=60
            )
            assert done.stdout == b"42\r\n", done
    with Client(board.path) as client, board:
        client.until(b"on\r\n")
        client.ask(b"\x03", PROMPT)
    board.unplug()
