"""The compose file offers nothing to the world by itself, and fits the settings and the image."""

from __future__ import annotations

import re

import yaml

from chatbot.settings import Settings
from tests.conftest import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
PAGE = (ROOT / "docs" / "local-models.md").read_text(encoding="utf-8")


def test_ports_are_open_on_loopback_alone() -> None:
    """What the machine shows to others is the proxy's business; the model's server is open to the service alone."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_data_lives_in_the_image_s_volume() -> None:
    """The volume is mounted where the image keeps its data."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [mount] = SERVICES["guichet"]["volumes"]
    name, _, place = mount.partition(":")
    assert name in COMPOSE["volumes"]
    assert f"DATA_DIR={place}" in dockerfile


def test_model_s_server_comes_with_its_profile_alone() -> None:
    """Without the profile only the service itself is started."""
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["guichet"]
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["ollama"]} == {
        "ollama",
        "ollama-pull",
    }


def test_page_and_file_name_the_same_model() -> None:
    """The model that is fetched is the one that the page's settings ask; the settings are known ones."""
    [default] = re.findall(r"\$\{OLLAMA_MODEL:-([^}]+)\}", str(SERVICES["ollama-pull"]["command"]))
    named = re.findall(r"^\s*CHAT_MODEL=openai:(\S+)$", PAGE, re.MULTILINE)
    assert named == [default, default]
    known = {name.upper() for name in Settings.model_fields}
    variables = set(re.findall(r"^\s*([A-Z_]+)=", PAGE, re.MULTILINE))
    assert {name for name in variables if not name.startswith("OLLAMA_")} <= known
