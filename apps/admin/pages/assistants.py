"""Assistants: what each is, which version is in force and by whom, what is drafted or wrong; how a new one begins."""

from apps.admin.assistant_list import offer_new, show_assistants
from apps.admin.frame import enter, explain_errors, show_title
from apps.admin.notices import show_announced
from apps.admin.services import get_office

with explain_errors():
    visit = enter()
    show_title(visit.texts["page.assistants"])
    show_announced()
    office = get_office()
    show_assistants(visit, office)
    offer_new(visit, office)
