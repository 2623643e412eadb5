"""What the widget says, in English and French: words of its own, and those it has in common with the page."""

from __future__ import annotations

from apps.chat.texts import FAULTS, TEXTS, set_type
from apps.chat.writing_texts import phrase

SHARED = (
    *(
        "accept",
        "again",
        "allowance",
        "answer_from",
        "ask",
        "close",
        "comment",
        "comment_bad",
        "conversation",
    ),
    *("copied", "copy", "copy_answer", "cut", "down", "examples", "failed_feedback", "feedback", "log_in"),
    *(
        "login_button",
        "login_field",
        "login_intro",
        "logout",
        "nearest",
        "new",
        "notice",
        "over",
        "placeholder",
    ),
    *("question_from", "reading", "reason", "reason_incomplete", "reason_unclear", "reason_unrelated"),
    *(
        "declined",
        "reason_wrong",
        "refused",
        "save",
        "saved",
        "searching",
        "send",
        "sources",
        "status_interrupted",
    ),
    *("status_stopped", "stop", "up", "writing"),
)
OWN: dict[str, dict[str, str]] = {
    "en": {
        "characters_left": "{count} characters",
        "characters_left_one": "{count} character",
        "document_closed": "This service does not take such requests yet. Tell the team that invited you.",
        "document_this": "Please document this",
        "documented": "Thank you: the team will see that this is missing.",
        "ends_soon": "This conversation ends soon: {left} left.",
        "enlarge": "Enlarge",
        "keep_md": "Download as Markdown",
        "keep_pdf": "Download as PDF",
        "left": "Left:",
        "menu": "More",
        "messages_left": "{count} messages",
        "messages_left_one": "{count} message",
        "minimize": "Minimize",
        "news": "{title}: a new answer",
        "no_network": "No connection. Nothing is lost: this goes on by itself once it is back.",
        "open": "{title}: open the chat",
        "rate": "How did it go?",
        "resize": "Change the size: arrow keys, or drag",
        "restore": "Normal size",
        "seconds_left": "{count} min",
        "size": "{width} by {height} pixels",
        "stars": "{value} of 5",
    },
    "fr": {
        "characters_left": "{count} caractères",
        "characters_left_one": "{count} caractère",
        "document_closed": "Ce service ne prend pas encore ces demandes. Dites-le à l'équipe qui vous a invité.",
        "document_this": "Documentez ceci, s'il vous plaît",
        "documented": "Merci : l'équipe verra que ceci manque.",
        "ends_soon": "Cette conversation se termine bientôt : il reste {left}.",
        "enlarge": "Agrandir",
        "keep_md": "Télécharger en Markdown",
        "keep_pdf": "Télécharger en PDF",
        "left": "Reste :",
        "menu": "Plus",
        "messages_left": "{count} messages",
        "messages_left_one": "{count} message",
        "minimize": "Réduire",
        "news": "{title} : une nouvelle réponse",
        "no_network": "Pas de connexion. Rien n'est perdu : la suite vient d'elle-même à son retour.",
        "open": "{title} : ouvrir la conversation",
        "rate": "Comment cela s'est-il passé ?",
        "resize": "Changer la taille : touches fléchées, ou glisser",
        "restore": "Taille normale",
        "seconds_left": "{count} min",
        "size": "{width} sur {height} pixels",
        "stars": "{value} sur 5",
    },
}
# In the file itself: what is said before the service has answered, or while it cannot be reached.
FIRST = ("internal_error", "minimize", "no_network", "open")

# Such an error comes with a sentence of its own, for its numbers.
EXPLAINED = ("rate_limited", "too_busy")


def gather_words(language: str) -> dict[str, str]:
    """Give all that the widget says in a language, by name; errors by their code."""
    shared = {name: TEXTS[language][name] for name in SHARED}
    faults = {code: text for code, text in FAULTS[language].items() if code not in EXPLAINED}
    words = faults | shared | OWN[language] | {"change": phrase(language, "wish")}
    return {name: set_type(language, text) for name, text in sorted(words.items())}
