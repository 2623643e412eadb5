"""The words of a report, in its languages."""

from __future__ import annotations

from typing import Literal

from chatbot.store.records import Message

Language = Literal["en", "fr"]

_LABELS: dict[str, tuple[str, str]] = {
    "report": ("Conversation report", "Compte rendu de conversation"),
    "no_question": ("Conversation without a question", "Conversation sans question"),
    "thread": ("Thread", "Conversation"),
    "assistant": ("Assistant", "Assistant"),
    "channel": ("Channel", "Canal"),
    "tester": ("Tester", "Testeur"),
    "wave": ("Wave", "Vague"),
    "language": ("Language", "Langue"),
    "started": ("Started", "Début"),
    "last": ("Last message", "Dernier message"),
    "questions": ("Questions", "Questions"),
    "answers": ("Answers", "Réponses"),
    "refused_count": ("Refused", "Sans réponse"),
    "failed_count": ("Failed", "En échec"),
    "time_zone": ("Time zone", "Fuseau horaire"),
    "none": ("none", "aucun"),
    "empty": (
        "No message was exchanged in this conversation.",
        "Aucun message n’a été échangé dans cette conversation.",
    ),
    "no_text": ("(no text)", "(aucun texte)"),
    "refused": ("not in the documentation", "absent de la documentation"),
    "declined": ("declined", "décliné"),
    "failed": ("failed", "échec"),
    "interrupted": ("interrupted by a restart", "interrompu par un redémarrage"),
    "stopped": ("stopped by the tester", "arrêté par le testeur"),
    "cut": ("cut at the length limit", "coupé à la longueur maximale"),
    "provider": ("provider’s error", "erreur du fournisseur"),
    "service": ("service’s error", "erreur du service"),
    "sources": ("Sources", "Sources"),
    "nearest": ("Nearest sections (not an answer)", "Sections les plus proches (pas une réponse)"),
    "feedback_1": ("👍 Helpful", "👍 Utile"),
    "feedback_-1": ("👎 Not helpful", "👎 Pas utile"),
    "page": ("Page {number} of {total}", "Page {number} sur {total}"),
    "channel_page": ("chat page", "page de discussion"),
    "channel_widget": ("widget", "widget"),
    "channel_api": ("API", "API"),
    "channel_openai": ("OpenAI-compatible API", "API compatible OpenAI"),
    "channel_cli": ("command line", "ligne de commande"),
    "unreadable": (
        "This thread could not be laid out. Its text is in the exports as JSON lines or CSV.",
        "Cette conversation n’a pas pu être mise en page. Son texte se trouve dans les exports JSON Lines ou CSV.",
    ),
}


def name_outcome(message: Message) -> str:
    """Name how an answer ended: a letter or a story that was refused was declined, which is no gap of the documents."""
    return "declined" if message.status == "refused" and message.is_personal else message.status


def label(name: str, language: Language) -> str:
    """Give a label in a language; the name itself where there is no label for it."""
    english, french = _LABELS.get(name, (name, name))
    return french if language == "fr" else english
