"""What goes into an app file system: application folders and the agent, compiled and checked."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import repeat
from pathlib import Path

from host_tools import paths
from host_tools.release.compile import MPY_MAJOR, compile_source
from host_tools.release.errors import AppError
from host_tools.release.shrink import names_of, shrink

AGENT = "enos_ota"
MAIN = "enos_main"
LONGEST_NAME_BYTES = 255
_SKIPPED_FOLDERS = ("__pycache__",)
_SKIPPED_ENDINGS = (".pyc", "~", ".swp")


def collect(apps: list[Path], arch: str, with_agent: bool = True) -> dict[str, bytes]:
    """Return path -> content of everything a release holds, every `.py` compiled for `arch`.

    Raises: `AppError` for an empty folder, no `enos_main.py`, a name that clashes or hides a module
    the agent needs, a `.mpy` of another MicroPython, or source that does not compile.
    """
    chosen: dict[str, Path] = {}
    for folder in apps:
        found = list(_files(folder))
        if not found:
            raise AppError(f"{folder}: there is no file in it")
        if with_agent:
            _refuse_hiding(folder, found)
        for name, path in found:
            _add(chosen, name, path)
    if MAIN + ".mpy" not in chosen:
        raise AppError(f"{apps[0]}: there is no {MAIN}.py, which is what a board starts")
    if with_agent:
        for name, path in _files(agent_folder()):
            _add(chosen, f"{AGENT}/{name}", path)
    _refuse_ambiguous(chosen)
    return _contents(chosen, arch)


def agent_files(arch: str) -> dict[str, bytes]:
    """Return path -> content of the agent alone, compiled for `arch`. Raises: `AppError`."""
    return _contents({f"{AGENT}/{name}": path for name, path in _files(agent_folder())}, arch)


def agent_folder() -> Path:
    """The agent package of this checkout. Raises: `AppError` when it is not there."""
    folder = paths.DEVICE / AGENT
    if not (folder / "__init__.py").is_file():
        raise AppError(f"{folder}: the agent package is not there (--no-agent leaves it out)")
    return folder


def agent_sources(modules: dict[str, Path]) -> dict[str, bytes]:
    """The modules of an agent package as they are compiled, with short names; as they are where that fails.

    Raises: `AppError` when one cannot be read.
    """
    return _shrunk(tuple((name, _read(path)) for name, path in modules.items()))


@lru_cache(maxsize=4)
def _shrunk(sources: tuple[tuple[str, bytes], ...]) -> dict[str, bytes]:
    try:
        return {name: text.encode() for name, text in shrink(dict(sources)).items()}
    except (SyntaxError, ValueError):
        return dict(sources)  # the compiler says what is wrong, and where


def agent_names() -> dict[str, str]:
    """What the short names in an agent's `.mpy` stand for. Raises: `AppError` when the agent is not there."""
    trees = [ast.parse(_read(path)) for _, path in _files(agent_folder()) if path.suffix == ".py"]
    return {short: long for long, short in sorted(names_of(trees).items(), key=lambda one: one[1])}


def _contents(chosen: dict[str, Path], arch: str) -> dict[str, bytes]:
    agent = {
        name: path
        for name, path in chosen.items()
        if name.startswith(AGENT + "/") and path.suffix == ".py"
    }
    contents = dict(agent_sources(agent))
    rest = {name: path for name, path in chosen.items() if name not in agent}
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        contents |= zip(rest, pool.map(_read, rest.values()), strict=True)
        sources = [contents[name] for name in chosen]
        compiled = pool.map(_compiled, chosen, chosen.values(), sources, repeat(arch))
        return dict(zip(chosen, compiled, strict=True))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise AppError(f"{folder}: not a folder")
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if n[0] != "." and n not in _SKIPPED_FOLDERS)
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise AppError(f"{Path(parent) / name}: links to folders are not followed")
        for name in sorted(names):
            if name[0] == "." or name.endswith(_SKIPPED_ENDINGS):
                continue
            path = Path(parent) / name
            yield _name_on_board(path.relative_to(folder), path), path


def _name_on_board(relative: Path, path: Path) -> str:
    name = relative.as_posix()
    if not name.isprintable():
        raise AppError(f"{str(path)!r}: the name is not printable text")
    if any(len(part.encode()) > LONGEST_NAME_BYTES for part in relative.parts):
        raise AppError(f"{path}: the name is longer than {LONGEST_NAME_BYTES} bytes")
    return name[:-3] + ".mpy" if name.endswith(".py") else name


def _add(chosen: dict[str, Path], name: str, path: Path) -> None:
    if name in chosen:
        raise AppError(f"{chosen[name]} and {path} both become {name}")
    chosen[name] = path


def _refuse_ambiguous(chosen: dict[str, Path]) -> None:
    folders = {name.rpartition("/")[0] for name in chosen}
    for name, path in chosen.items():
        if name in folders or (name.endswith(".mpy") and name[:-4] in folders):
            raise AppError(f"{path} and the folder {name.removesuffix('.mpy')}/ have one name")


def _refuse_hiding(folder: Path, found: list[tuple[str, Path]]) -> None:
    needed = agent_imports() | {AGENT}
    for name, path in found:
        module = name.partition("/")[0].removesuffix(".mpy")
        if module in needed and (name.endswith(".mpy") or module == AGENT):
            raise AppError(f"{path}: hides {module!r}, which the agent needs: rename it")


def agent_imports() -> set[str]:
    """Top-level names of the modules the agent imports from the VM (`ssl`, `umqtt`, …)."""
    names = set()
    for path in sorted(agent_folder().glob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError:
            continue  # mpy-cross will say so, with the line
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - {AGENT}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AppError(f"{path}: {error.strerror or error}") from None


def _compiled(name: str, path: Path, content: bytes, arch: str) -> bytes:
    if path.suffix == ".py":
        try:
            # The agent's functions are short and its RAM is every board's: its tracebacks name functions
            # only. A board keeps each file name for ever. An application keeps names and lines.
            is_agent = name.startswith(AGENT + "/")
            return compile_source(
                content, AGENT if is_agent else path.name, arch, lines=not is_agent
            )
        except AppError as error:
            raise AppError(f"{path.parent}/{error}") from None
    if path.suffix == ".mpy" and content[:2] != bytes((ord("M"), MPY_MAJOR)):
        raise AppError(f"{path}: compiled for another MicroPython: take the .py")
    return content
