"""The admin: `streamlit run apps/admin/main.py`. Builds what the pages work with, lets people in, runs their page."""

from __future__ import annotations

import hashlib
import hmac
import sys

import streamlit as st

from apps.admin.services import Office, Services, get_services
from chatbot.accounts import Accounts, ensure_first_admin
from chatbot.analytics import Analytics
from chatbot.secret_key import load_secret_key
from chatbot.settings import load_settings
from chatbot.store.engine import Store
from chatbot.telemetry import configure_logging


@st.cache_resource(show_spinner=False)
def build_services() -> Services:
    """Build the parts once per process; on the first start of all, make the first superadmin.

    Raises:
        SettingsError: a setting, or a stored password, is wrong.
        StoreUnavailable: the store cannot be opened.
    """
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, settings.log_file)
    store = Store(settings.store_place)
    ensure_first_admin(
        store, settings.private_dir, is_terminal=sys.stderr.isatty(), announce=_write_to_terminal
    )
    # A key of its own: what signs testers' tokens does not sign an admin's session.
    key = hmac.new(load_secret_key(settings), b"guichet.admin", hashlib.sha256).hexdigest()
    return Services(
        settings=settings,
        store=store,
        accounts=Accounts(store, settings.private_dir),
        analytics=Analytics(settings.log_path),
        cookie_key=key,
    )


@st.cache_resource(show_spinner=False)
def build_office() -> Office:
    """Build, once per process, what the pages on assistants and templates work with.

    Raises:
        SettingsError: the folder of assistants is missing.
        StoreUnavailable: the store cannot be read.
    """
    # Imported here: the pages on what was asked do without the models and their seconds.
    from chatbot.assistants.catalogue import Assistants
    from chatbot.workshop.assistants import AssistantWorkshop
    from chatbot.workshop.templates import TemplateWorkshop
    from chatbot.workshop.trial import TrialRoom

    services = get_services()
    settings, store = services.settings, services.store
    assistants = Assistants(settings.assistants_dir, store, is_patient=True)
    return Office(
        assistants=AssistantWorkshop(store, assistants),
        templates=TemplateWorkshop(store, assistants),
        trials=TrialRoom(settings, store),
    )


def _write_to_terminal(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    from apps.admin.frame import run_page

    run_page()
