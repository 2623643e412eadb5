"""All settings, read once, from the environment and `.env` (which wins less).

This is the only module that reads the environment. `.env.example` documents every variable.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from chatbot.errors import SettingsError

CHAT_PROVIDERS = ("openai", "azure_openai")
EMBEDDING_PROVIDERS = ("openai", "azure_openai", "local")
PLACEHOLDERS = frozenset({"changeme", "change-me", "secret", "password", "replace-me", "todo", "xxx"})
STORE_SCHEMES = ("postgresql://", "postgres://")
NOT_YET = {
    "oidc_issuer": "this version of the admin logs in by password alone",
}
RATE = re.compile(r"^(\d+)/(second|minute|hour|day)$")
REMEDIES = {
    "bool_parsing": "write true or false",
    "int_parsing": "write a whole number",
    "float_parsing": "write a number",
    "literal_error": "choose one of the values allowed",
}

DEFAULT_NOTICES = {
    "en": "What you write here and the answers are recorded, so that the team can improve its documentation. "
    "Do not send passwords or personal data.",
    "fr": "Ce que vous écrivez ici et les réponses sont enregistrés pour que l'équipe améliore sa documentation. "
    "N'envoyez ni mot de passe ni donnée personnelle.",
}


class Settings(BaseSettings):
    """What the operator decided; frozen once read."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    chat_model: str = ""
    openai_api_key: SecretStr | None = None
    openai_base_url: str = ""
    azure_openai_endpoint: str = ""
    azure_openai_api_key: SecretStr | None = None
    openai_api_version: str = ""
    embedding_model: str = ""
    model_timeout: float = Field(default=30, gt=0)
    model_deadline: float = Field(default=120, gt=0)

    knowledge_dir: Path = Path("data/knowledge")
    assistants_dir: Path = Path("data/assistants")
    prices_file: Path = Path("data/prices.yaml")
    data_dir: Path = Path("data")
    store_url: SecretStr | None = None
    publish_interval: float = Field(default=2, ge=0)
    shareable_log: bool = False

    chat_host: str = "127.0.0.1"
    chat_port: int = Field(default=7860, ge=1, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=8501, ge=1, le=65535)
    public_url: str = ""
    admin_url: str = ""
    trusted_hosts: str = ""
    forwarded_allow_ips: str = ""
    service_token: SecretStr | None = None

    beta_password: SecretStr | None = None
    open_access: bool = False
    secret_key: SecretStr | None = None
    allowed_origins: str = ""

    max_session_duration: int = Field(default=3600, ge=0)
    max_characters: int = Field(default=20000, ge=0)
    max_messages: int = Field(default=50, ge=0)
    max_message_characters: int = Field(default=2000, ge=1)
    rate_limit: str = "30/minute"
    max_streams: int = Field(default=200, ge=1)

    retention_days: int = Field(default=0, ge=0, le=36_500)
    privacy_notice: str = ""
    timezone: str = "UTC"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_allowed: str = ""
    oidc_role_claim: str = ""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["", "text", "json"] = ""
    log_file: Path | None = None
    language: Literal["auto", "en", "fr"] = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out every source but arguments (tests), the environment and `.env`."""
        return init_settings, env_settings, dotenv_settings

    @field_validator("chat_model")
    @classmethod
    def _check_chat_model(cls, value: str) -> str:
        return _check_model(
            value, CHAT_PROVIDERS, "empty for the offline model, openai:MODEL or azure_openai:DEPLOYMENT"
        )

    @field_validator("embedding_model")
    @classmethod
    def _check_embedding_model(cls, value: str) -> str:
        checked = _check_model(
            value, EMBEDDING_PROVIDERS, "empty, openai:MODEL, azure_openai:DEPLOYMENT or local:FOLDER"
        )
        folder = value.removeprefix("local:")
        if folder != value and not Path(folder).is_dir():
            raise ValueError("there is no such folder; name one that sentence-transformers saved")
        return checked

    @field_validator("openai_base_url", "azure_openai_endpoint", "public_url", "admin_url", "oidc_issuer")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("allowed is an http:// or https:// address")
        return value.rstrip("/")

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("allowed is an IANA name such as Europe/Paris") from error
        return value

    @field_validator("rate_limit")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        if not RATE.match(value):
            raise ValueError(
                "allowed is a number of messages per second, minute, hour or day, such as 30/minute (30 messages per "
                "minute)"
            )
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        for origin in _split(value):
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
                raise ValueError("allowed are origins such as https://docs.example.org, with commas between")
        return value

    @field_validator("secret_key")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < 32:
            raise ValueError("allowed are 32 random bytes or more, or nothing to have one generated")
        return value

    @field_validator("store_url")
    @classmethod
    def _check_store(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(STORE_SCHEMES):
            raise ValueError("allowed is postgresql://USER:PASSWORD@HOST/DATABASE, or nothing for SQLite")
        return value

    @field_validator("beta_password", "service_token")
    @classmethod
    def _check_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().strip().lower() in PLACEHOLDERS:
            raise ValueError("this is a placeholder; choose one of your own")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        # A setting that would do nothing is worse than one that is refused.
        faults = [
            f"{name.upper()}: {reason}; leave it empty"
            for name, reason in NOT_YET.items()
            if getattr(self, name)
        ]
        if self.model_deadline < self.model_timeout:
            faults.append(
                f"MODEL_DEADLINE={self.model_deadline:g}: allowed is at least MODEL_TIMEOUT "
                f"({self.model_timeout:g})"
            )
        for name in ("chat_model", "embedding_model"):
            model = getattr(self, name)
            if missing := self._find_missing(model):
                faults.append(f"{name.upper()}={model}: set also {', '.join(missing)}")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _find_missing(self, model: str) -> list[str]:
        if model.startswith("openai:") and not (self.openai_api_key or self.openai_base_url):
            return ["OPENAI_API_KEY (or OPENAI_BASE_URL for a server without key)"]
        if model.startswith("azure_openai:"):
            needed = ("azure_openai_endpoint", "azure_openai_api_key", "openai_api_version")
            return [name.upper() for name in needed if not getattr(self, name)]
        return []

    @property
    def private_dir(self) -> Path:
        """Where secrets, store and index cache live."""
        return self.data_dir / "private"

    @property
    def store_path(self) -> Path:
        """The SQLite file of the store, where `STORE_URL` names no other place."""
        return self.private_dir / "guichet.db"

    @property
    def store_place(self) -> Path | str:
        """Where the store is: its SQLite file, or the address of a PostgreSQL database."""
        return self.store_url.get_secret_value() if self.store_url else self.store_path

    @property
    def log_path(self) -> Path:
        """The published log: a link to its current generation."""
        return self.data_dir / "conversations.duckdb"

    @property
    def shareable_log_path(self) -> Path:
        """The published log without personal data, where `SHAREABLE_LOG` is set."""
        return self.data_dir / "conversations-shareable.duckdb"

    @cached_property
    def zone(self) -> ZoneInfo:
        """`TIMEZONE` as an object."""
        return ZoneInfo(self.timezone)

    @cached_property
    def origins(self) -> tuple[str, ...]:
        """`ALLOWED_ORIGINS`, one by one."""
        return _split(self.allowed_origins)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Host names that are answered to; empty = any."""
        named = _split(self.trusted_hosts)
        if named or not self.public_url:
            return named
        return (urlsplit(self.public_url).hostname or "", "127.0.0.1", "localhost", "[::1]")

    @property
    def needs_login(self) -> bool:
        """Whether testers log in with a password."""
        return self.beta_password is not None

    def notice(self, language: str) -> str:
        """Give the privacy notice (Markdown): `PRIVACY_NOTICE`, or the default in the reader's language."""
        return self.privacy_notice or DEFAULT_NOTICES.get(language, DEFAULT_NOTICES["en"])

    def masked(self) -> dict[str, str]:
        """Give every setting by its variable's name, secrets as `***`."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            shown = "***" if isinstance(value, SecretStr) else "" if value is None else str(value)
            values[name.upper()] = shown
        return values


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`.

    Args:
        overrides: values that win over both, by field name (commands and tests).

    Raises:
        SettingsError: one sentence per wrong value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = [line for fault in error.errors() for line in _describe(fault)]
        wrong = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError([f".env: it cannot be read as UTF-8 text: {error}. Save it as UTF-8."]) from error
    # Checks across settings run only on values that are right one by one: ask again without the wrong ones.
    if wrong:
        try:
            Settings(**{**overrides, **{name: Settings.model_fields[name].default for name in wrong}})
        except ValidationError as error:
            faults += [line for fault in error.errors() if not fault["loc"] for line in _describe(fault)]
    raise SettingsError(faults)


def find_variables(prefix: str) -> list[str]:
    """List the environment's variables that begin with `prefix`: some libraries change behind our back by them."""
    return sorted(name for name in os.environ if name.startswith(prefix))


def _check_model(value: str, providers: tuple[str, ...], allowed: str) -> str:
    provider, _, model = value.partition(":")
    if value and (provider not in providers or not model.strip()):
        raise ValueError(f"allowed is {allowed}")
    return value


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


def _describe(fault: Any) -> list[str]:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return message.splitlines()
    name = str(fault["loc"][0])
    is_secret = "SecretStr" in str(Settings.model_fields[name].annotation)
    value = "***" if is_secret else str(fault["input"])
    remedy = REMEDIES.get(fault["type"])
    return [f"{name.upper()}={value}: {message}" + (f" ({remedy})" if remedy else "")]
