"""What the pages work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatbot.accounts import Accounts
from chatbot.analytics import Analytics
from chatbot.settings import Settings
from chatbot.store.engine import Store

if TYPE_CHECKING:
    from chatbot.workshop.assistants import AssistantWorkshop
    from chatbot.workshop.templates import TemplateWorkshop
    from chatbot.workshop.trial import TrialRoom


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the house that the admin uses; `cookie_key` signs its sessions."""

    settings: Settings
    store: Store
    accounts: Accounts
    analytics: Analytics
    cookie_key: str


@dataclass(frozen=True, slots=True)
class Office:
    """What the pages on assistants and templates work with beside that."""

    assistants: AssistantWorkshop
    templates: TemplateWorkshop
    trials: TrialRoom


def get_services() -> Services:
    """Give the services of this process, which `main.py` builds at the first call.

    Raises:
        SettingsError, StoreUnavailable: they cannot be built.
    """
    # Here, because Streamlit runs `main.py` under another name: its cache is shared under its own alone.
    from apps.admin.main import build_services

    return build_services()


def get_office() -> Office:
    """Give the office of this process, which `main.py` builds at the first call.

    Raises:
        SettingsError, StoreUnavailable: it cannot be built.
    """
    from apps.admin.main import build_office

    return build_office()
