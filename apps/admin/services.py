"""What the pages work with; built once per process by `main.py`, which leaves it in each browser session."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from chatbot.accounts import Accounts
from chatbot.analytics import Analytics
from chatbot.settings import Settings
from chatbot.store.engine import Store

_KEY = "services"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the house that the admin uses; `cookie_key` signs its sessions."""

    settings: Settings
    store: Store
    accounts: Accounts
    analytics: Analytics
    cookie_key: str


def leave_services(services: Services) -> None:
    """Leave the services where this browser session's pages find them."""
    st.session_state[_KEY] = services


def get_services() -> Services:
    """Give the services that `main.py` left."""
    services: Services = st.session_state[_KEY]
    return services
