"""The admin: `streamlit run apps/admin/main.py`. Builds what the pages work with, lets people in, runs their page."""

from __future__ import annotations

import hashlib
import hmac
import sys
from pathlib import Path

import streamlit as st

from apps.admin.frame import draw_frame, explain_errors
from apps.admin.services import Services, leave_services
from chatbot.access import load_secret_key
from chatbot.accounts import Accounts, ensure_first_admin
from chatbot.analytics import Analytics
from chatbot.settings import load_settings
from chatbot.store.engine import Store
from chatbot.telemetry import configure_logging


@st.cache_resource(show_spinner=False)
def build_services() -> Services:
    """Build the parts once per process; on the first start of all, make the first superadmin."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, settings.log_file)
    store = Store(settings.store_path)
    ensure_first_admin(
        store,
        settings.private_dir,
        is_terminal=sys.stderr.isatty(),
        announce=lambda line: sys.stderr.write(f"{line}\n") and None,
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


st.set_page_config(page_title="Guichet", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
with explain_errors():
    leave_services(build_services())
    draw_frame()
