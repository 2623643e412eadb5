"""Account: one's own password; for a superadmin also who may come in."""

import streamlit as st

from apps.admin.account_forms import add_account, change_own_password, manage_account, show_accounts
from apps.admin.frame import enter, explain_errors, show_title
from chatbot.roles import may

with explain_errors():
    visit = enter()
    show_title(visit.texts["page.account"])
    left, right = st.columns([2, 3], gap="medium")
    with left:
        change_own_password(visit)
    with right:
        if may(visit.account.role, "account.manage"):
            show_accounts(visit)
            add_account(visit)
            manage_account(visit)
