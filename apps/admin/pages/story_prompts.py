"""Story prompts: what testers can have a story told by; listed by tag, written, changed and removed here."""

from apps.admin.frame import enter, explain_errors, show_title
from apps.admin.notices import show_announced
from apps.admin.story_prompt_forms import edit_prompt, show_prompts

with explain_errors():
    visit = enter()
    show_title(visit.texts["page.story_prompts"])
    show_announced()
    edit_prompt(visit)
    show_prompts(visit)
