"""The agent by `mpremote mip install`, as README says."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import threading
from pathlib import Path

from desk_fixtures import Desk, desk

from host_tools import paths
from host_tools.board import stubs
from host_tools.release.package import make_package
from host_tools.simboard import make


def mpremote(board: Desk, *arguments: str) -> None:
    command = [paths.tool("mpremote"), "connect", board.port, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mip_installs_the_agent_from_a_web_server_and_the_stubs_from_a_folder(
    tmp_path: Path,
) -> None:
    dist = tmp_path / "dist"
    files = make_package(dist, "xtensawin")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(dist))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/package.json"
    try:
        with desk(tmp_path / "board", table=make.TABLES["stock"]) as board:
            mpremote(board, "mip", "install", url)
            mpremote(board, "mip", "install", "--target", "/", f"{dist}/stubs.json")
            report = json.loads(board.run("doctor", "--json").stdout)
            board.board.power_off()
            found = board.files()
    finally:
        server.shutdown()
    agent = {name: data for name, data in files.items() if name.startswith("enos_ota/")}
    assert {path[5:]: data for path, data in found.items() if path.startswith("/lib/")} == agent
    assert found["/boot.py"] == stubs.content("boot.py")
    texts = {finding["name"]: finding["text"] for finding in report["findings"]}
    assert texts["agent"].startswith("/lib/enos_ota comes before a copied one")
    assert texts["/main.py"] == "stub ABI 1"
