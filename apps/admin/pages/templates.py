"""Office templates: Word and Excel files that drafts are filled into; checked, tried, published, rolled back here."""

from apps.admin.frame import enter, explain_errors, show_title
from apps.admin.notices import show_announced
from apps.admin.services import get_office
from apps.admin.template_forms import show_templates, upload_template

with explain_errors():
    visit = enter()
    show_title(visit.texts["page.templates"])
    show_announced()
    office = get_office()
    show_templates(visit, office)
    upload_template(visit, office)
