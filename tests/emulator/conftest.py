"""MicroPython on an emulated chip: skipped unless the environment names an emulator and a firmware."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import emulator_env
import pytest

if TYPE_CHECKING:
    from emulated import Bench
    from resolver import HostServices

HERE = Path(__file__).parent
BENCH = pytest.StashKey["Bench"]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = emulator_env.missing()
    if missing:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    bench = item.config.stash.get(BENCH, None)
    if report.failed and bench is not None:
        for board in bench.boards:
            if board.is_on and board.has_news():
                report.sections.append((f"console of {board.name}", board.tail()))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [
        report for key in ("passed", "failed") for report in terminalreporter.getreports(key)
    ]
    shown = {
        name: value
        for report in reports
        if report.when == "call" and "emulator" in report.nodeid
        for name, value in report.user_properties
    }
    if shown:
        terminalreporter.section("figures of the emulated chip")
    for name, value in shown.items():
        terminalreporter.write_line(
            f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}"
        )


@pytest.fixture(scope="session")
def given() -> emulator_env.Setup:
    return emulator_env.given()


@pytest.fixture(scope="session")
def services(
    given: emulator_env.Setup, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostServices]:
    from resolver import HostServices

    with HostServices(given.hostname, tmp_path_factory.mktemp("services")) as running:
        yield running


@pytest.fixture(scope="session")
def network(given: emulator_env.Setup, services: HostServices) -> None:
    """For what needs one: skipped where the board has none."""
    if not given.ssid:
        pytest.skip(
            "ESP32_WIFI_SSID is not set: stock firmware has a driver for Wi-Fi, none for open_eth"
        )
    if services.trouble():
        pytest.skip(services.trouble())


@pytest.fixture(scope="session")
def bench(
    request: pytest.FixtureRequest,
    given: emulator_env.Setup,
    services: HostServices,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    from emulated import Bench

    made = Bench(given, tmp_path_factory.mktemp("boards"), services.prefix)
    request.config.stash[BENCH] = made
    yield made
    for board in made.boards:
        board.power_off()
