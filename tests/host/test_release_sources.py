"""What goes into a release: folders, names, compiled source."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools import paths
from host_tools.release import sources
from host_tools.release.compile import compile_source, native_arch
from host_tools.release.errors import AppError


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent package of two modules that needs `tls` and `umqtt`."""
    folder = tmp_path / "device" / "enos_ota"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "agent.py").write_text(
        "import tls\nfrom umqtt.simple import MQTTClient\nfrom enos_ota import agent\n"
        "def later():\n    import uctypes\n"
    )
    monkeypatch.setattr(paths, "DEVICE", folder.parent)
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "enos_main.py").write_text("print('started')\n")
    return folder


def write(folder: Path, name: str, content: str = "x = 1\n") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_collect_compiles_python_and_copies_the_rest(app: Path, agent: Path) -> None:
    write(app, "lib/pump.py")
    write(app, "lib/table.json", "[1]")
    write(app, ".git/config")
    write(app, "__pycache__/x.pyc")
    write(app, "enos_main.py~")
    found = sources.collect([app], "xtensawin")
    assert sorted(found) == [
        "enos_main.mpy",
        "enos_ota/__init__.mpy",
        "enos_ota/agent.mpy",
        "lib/pump.mpy",
        "lib/table.json",
    ]
    assert found["lib/table.json"] == b"[1]"
    # 6.3 means 6: the minor stands only in files with native code.
    assert found["lib/pump.mpy"][:4] == b"M\x06\x00\x1f"
    assert b"pump.py" in found["lib/pump.mpy"]
    assert b"lib" not in found["lib/pump.mpy"]
    assert str(app).encode() not in b"".join(found.values())


def test_collect_merges_folders(app: Path, agent: Path, tmp_path: Path) -> None:
    write(tmp_path / "more", "lib/valve.py")
    found = sources.collect([app, tmp_path / "more"], "xtensawin")
    assert {"enos_main.mpy", "lib/valve.mpy", "enos_ota/agent.mpy"} <= set(found)


def test_collect_without_agent_takes_the_applications_own(app: Path, agent: Path) -> None:
    write(app, "enos_ota/own.py")
    found = sources.collect([app], "xtensawin", with_agent=False)
    assert sorted(found) == ["enos_main.mpy", "enos_ota/own.mpy"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("enos_ota/extra.py", "hides 'enos_ota'"),
        ("enos_ota.py", "hides 'enos_ota'"),
        ("tls.py", "hides 'tls'"),
        ("umqtt/simple.py", "hides 'umqtt'"),
        ("uctypes.py", "hides 'uctypes'"),
    ],
)
def test_collect_of_a_name_that_hides_the_agents_modules_is_refused(
    name: str, text: str, app: Path, agent: Path
) -> None:
    write(app, name)
    with pytest.raises(AppError, match=f"{name}: {text}"):
        sources.collect([app], "xtensawin")


def test_agent_imports_of_the_real_agent_name_what_it_stands_on() -> None:
    assert {"asyncio", "tls", "umqtt", "esp32", "machine"} <= sources.agent_imports()
    assert "enos_ota" not in sources.agent_imports()


def test_collect_of_two_sources_with_one_name_is_refused(
    app: Path, agent: Path, tmp_path: Path
) -> None:
    write(tmp_path / "more", "enos_main.py")
    with pytest.raises(AppError, match=r"both become enos_main\.mpy"):
        sources.collect([app, tmp_path / "more"], "xtensawin")
    (app / "enos_main.mpy").write_bytes(compile_source(b"x = 1", "enos_main.py"))
    with pytest.raises(AppError, match=r"both become enos_main\.mpy"):
        sources.collect([app], "xtensawin")


def test_collect_of_a_module_and_a_package_with_one_name_is_refused(app: Path, agent: Path) -> None:
    write(app, "pump.py")
    write(app, "pump/__init__.py")
    with pytest.raises(AppError, match=r"pump\.py and the folder pump/ have one name"):
        sources.collect([app], "xtensawin")


def test_collect_of_a_syntax_error_shows_file_line_and_reason(app: Path, agent: Path) -> None:
    write(app, "lib/pump.py", "x = 1\ndef f(:\n")
    with pytest.raises(AppError) as caught:
        sources.collect([app], "xtensawin")
    assert str(caught.value) == f"{app}/lib/pump.py:2: SyntaxError: invalid syntax"


def test_collect_of_an_mpy_of_another_micropython_is_refused(app: Path, agent: Path) -> None:
    (app / "old.mpy").write_bytes(b"M\x05\x00\x1f")
    with pytest.raises(AppError, match=r"old\.mpy: compiled for another MicroPython"):
        sources.collect([app], "xtensawin")


def test_collect_of_unusable_folders_says_what_is_missing(
    app: Path, agent: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "other", "main.py")
    with pytest.raises(AppError, match="empty: there is no file in it"):
        sources.collect([tmp_path / "empty"], "xtensawin")
    with pytest.raises(AppError, match=r"other: there is no enos_main\.py"):
        sources.collect([tmp_path / "other"], "xtensawin")
    with pytest.raises(AppError, match="absent: not a folder"):
        sources.collect([tmp_path / "absent"], "xtensawin")
    (app / "linked").symlink_to(tmp_path / "other")
    with pytest.raises(AppError, match="links to folders"):
        sources.collect([app], "xtensawin")


def test_collect_without_the_agent_package_says_so(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "DEVICE", app)
    with pytest.raises(AppError, match="agent package is not there"):
        sources.collect([app], "xtensawin")


def test_compile_marks_the_instruction_set_only_for_native_code() -> None:
    plain = b"def f(): return 1\n"
    native = b"@micropython.native\n" + plain
    assert compile_source(plain, "a.py", "xtensawin") == compile_source(plain, "a.py", "rv32imc")
    # sys.implementation._mpy & 0xFFFF of the chips: feature byte of the header, then 0x06.
    assert compile_source(native, "a.py", native_arch("esp32"))[2] == 11014 >> 8
    assert compile_source(native, "a.py", native_arch("esp32c6"))[2] == 12038 >> 8
    assert (native_arch("esp32s2"), native_arch("esp32s3")) == ("xtensawin", "xtensawin")
