"""Settings are read once; what is wrong is named, all of it, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import SettingsError
from chatbot.settings import Settings, find_variables, load_settings


def read_faults(**values: object) -> list[str]:
    """Give the faults of settings that are wrong."""
    with pytest.raises(SettingsError) as caught:
        load_settings(**values)
    return caught.value.faults


def test_defaults_start_without_key_or_server() -> None:
    """With nothing set the product runs: offline model, loopback, SQLite."""
    settings = load_settings()
    assert settings.chat_model == ""
    assert (settings.chat_host, settings.chat_port) == ("127.0.0.1", 7860)
    assert settings.store_path == Path("data/private/guichet.db")
    assert settings.log_path == Path("data/conversations.duckdb")
    assert not settings.needs_login


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` gives what the environment does not."""
    (tmp_path / ".env").write_text("CHAT_PORT=9001\nADMIN_PORT=9002\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.setenv("CHAT_PORT", "9003")
    settings = load_settings()
    assert (settings.chat_port, settings.admin_port) == (9003, 9002)


def test_file_that_is_not_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` in another encoding is a fault with a remedy, not a traceback."""
    (tmp_path / ".env").write_bytes("PRIVACY_NOTICE=été".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    with pytest.raises(SettingsError, match=r"\.env: it cannot be read as UTF-8"):
        load_settings()


def test_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing is not set."""
    monkeypatch.setenv("CHAT_PORT", "")
    assert load_settings().chat_port == 7860


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong value is named with its variable, the value and what is allowed; none hides another."""
    monkeypatch.setenv("CHAT_PORT", "many")
    monkeypatch.setenv("TIMEZONE", "Mars/Olympus")
    monkeypatch.setenv("RATE_LIMIT", "often")
    monkeypatch.setenv("CHAT_MODEL", "openai:gpt")
    monkeypatch.setenv("MODEL_DEADLINE", "1")
    faults = "\n".join(read_faults())
    assert "CHAT_PORT=many" in faults
    assert "TIMEZONE=Mars/Olympus: allowed is an IANA name" in faults
    assert "RATE_LIMIT=often: allowed is a number of messages per second, minute, hour or day" in faults
    assert "OPENAI_API_KEY" in faults
    assert "MODEL_DEADLINE=1: allowed is at least MODEL_TIMEOUT (30)" in faults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chat_model", "gpt-4"),
        ("chat_model", "openai:"),
        ("chat_port", 0),
        ("admin_port", 70000),
        ("openai_base_url", "localhost:11434"),
        ("public_url", "docs.example.org"),
        ("allowed_origins", "https://docs.example.org/page"),
        ("secret_key", "short"),
        ("beta_password", "changeme"),
        ("log_level", "LOUD"),
        ("language", "de"),
        ("max_messages", -1),
        ("max_message_characters", 0),
        ("publish_interval", -1),
        ("retention_days", -1),
        ("retention_days", 10**9),
        ("model_timeout", 0),
    ],
)
def test_wrong_value_is_refused(name: str, value: object) -> None:
    """A value that is not allowed is named by its variable."""
    faults = read_faults(**{name: value})
    assert len(faults) == 1
    assert faults[0].startswith(f"{name.upper()}=")


@pytest.mark.parametrize("value", ["MiniLM", "openai:", "cohere:any", "local:", "local:no/such/folder"])
def test_wrong_embedding_model_is_named_with_what_is_allowed(value: str) -> None:
    """A model that cannot be is named with its value; a local one has to be a folder."""
    (fault,) = read_faults(embedding_model=value)
    assert fault.startswith(f"EMBEDDING_MODEL={value}: ")
    assert "sentence-transformers" in fault or "local:FOLDER" in fault


def test_embedding_model_asks_for_its_service_too() -> None:
    """What a provider of embeddings needs is named as for chat models; each setting by itself."""
    (fault,) = read_faults(embedding_model="openai:any")
    assert (
        fault
        == "EMBEDDING_MODEL=openai:any: set also OPENAI_API_KEY (or OPENAI_BASE_URL for a server without key)"
    )
    (fault,) = read_faults(embedding_model="azure_openai:any", azure_openai_api_key="key")
    assert fault == "EMBEDDING_MODEL=azure_openai:any: set also AZURE_OPENAI_ENDPOINT, OPENAI_API_VERSION"
    assert load_settings(embedding_model="openai:any", openai_base_url="http://127.0.0.1:11434/v1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oidc_issuer", "https://login.example.org"),
    ],
)
def test_setting_of_a_later_version_is_refused(name: str, value: object) -> None:
    """A setting that would do nothing is not passed over in silence."""
    assert name.upper() in "\n".join(read_faults(**{name: value}))


def test_store_is_a_file_or_a_server(settings: Settings) -> None:
    """Without an address the store is a file; an address of something else is refused without being shown."""
    assert settings.store_place == settings.store_path
    url = "postgresql://guichet:hush@db.example.org/guichet"
    on_server = load_settings(store_url=url)
    assert on_server.store_place == url
    assert on_server.masked()["STORE_URL"] == "***"
    (fault,) = read_faults(store_url="mysql://guichet:hush@db.example.org/guichet")
    assert fault.startswith("STORE_URL=***") and "postgresql://" in fault and "hush" not in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [("secret_key", "tiny-key"), ("beta_password", "changeme"), ("service_token", "secret")],
)
def test_wrong_secret_is_named_without_being_shown(name: str, value: str) -> None:
    """A wrong secret is named by its variable; its value is masked."""
    (fault,) = read_faults(**{name: value})
    assert fault.startswith(f"{name.upper()}=***: ")
    assert value not in fault.lower().removeprefix(name)


def test_masked_settings_show_no_secret() -> None:
    """What is printed has every setting, and no secret."""
    shown = load_settings(beta_password="open sesame", openai_api_key="sk-1", secret_key="k" * 32).masked()
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    assert shown["BETA_PASSWORD"] == shown["OPENAI_API_KEY"] == shown["SECRET_KEY"] == "***"
    assert shown["SERVICE_TOKEN"] == ""


def test_azure_needs_three_more() -> None:
    """A deployment without its address, key and version is named with all three."""
    fault = read_faults(chat_model="azure_openai:gpt")[0]
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION"):
        assert name in fault


def test_model_without_key_is_right_where_a_server_is_named() -> None:
    """A server of one's own may want no key."""
    assert load_settings(chat_model="openai:llama", openai_base_url="http://127.0.0.1:11434/v1").chat_model


def test_hosts_come_from_the_public_address() -> None:
    """Without `TRUSTED_HOSTS` the public address and loopback are answered to; without either any host."""
    assert load_settings().hosts == ()
    hosts = load_settings(public_url="https://ask.example.org/").hosts
    assert "ask.example.org" in hosts
    assert "127.0.0.1" in hosts
    assert load_settings(trusted_hosts="a.example, b.example").hosts == ("a.example", "b.example")


def test_notice_is_the_reader_s_language_unless_set() -> None:
    """The default notice exists in both languages; the team's own is shown to all."""
    assert load_settings().notice("fr") != load_settings().notice("en")
    assert load_settings(privacy_notice="Ours.").notice("fr") == "Ours."


def test_settings_are_frozen() -> None:
    """Nobody changes a setting after the start."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().chat_port = 1


def test_variables_are_found_by_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries that are steered by variables of their own can be refused them."""
    monkeypatch.setenv("TEAPOT_B", "1")
    monkeypatch.setenv("TEAPOT_A", "1")
    assert find_variables("TEAPOT_") == ["TEAPOT_A", "TEAPOT_B"]
