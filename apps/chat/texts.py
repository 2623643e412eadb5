"""What the page says of its own, in English and French."""

from __future__ import annotations

import re

from chatbot.errors import GuichetError, RateLimited, SessionFull, TooBusy
from chatbot.rates import say_rate, say_wait

_BEFORE_SIGN = re.compile(r" (?=[?!:;])")

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "accept": "I agree, let me ask",
        "again": "Ask again",
        "allowance": "What is left of this conversation",
        "answer_from": "Answer",
        "ask": "Your question",
        "characters": "characters left",
        "characters_none": "no limit on characters",
        "close": "Close",
        "comment": "Anything to add? (optional)",
        "comment_bad": "What was wrong, or missing? (optional)",
        "conversation": "Conversation",
        "copied": "Copied",
        "copy": "Copy",
        "copy_answer": "Copy the answer",
        "curated": "Answer by the team",
        "cut": "The model reached its length limit: the answer may be missing its end.",
        "declined": "Not written",
        "document_this": "Please document this",
        "documented": "Thank you: the team will see that this is missing.",
        "down": "Not helpful",
        "earlier": "Earlier",
        "elsewhere": "The answer is still being written…",
        "ended": "This conversation has come to its end",
        "examples": "For example",
        "failed_feedback": "This could not be saved. Try again in a moment.",
        "feedback": "Your verdict on this answer",
        "handover": "Continue on another device",
        "handover_enter": "Have a code from another device? Enter it here.",
        "handover_how": "A one-time code carries this login, with all its conversations, to another device. Enter it "
        "there on the login page, or in this same window.",
        "handover_life": "Good once, for ten minutes. A new code replaces the one before.",
        "handover_make": "Show a code",
        "handover_take": "Continue here",
        "keep": "Keep a copy",
        "keep_md": "Download as Markdown",
        "keep_pdf": "Download as PDF",
        "log_in": "Log in",
        "login_button": "Come in",
        "login_field": "Password or code",
        "login_hint": "Coming from another device? Its one-time code works here too.",
        "login_intro": "This is a closed beta. Enter the password or code from your invitation.",
        "logout": "Log out",
        "messages": "messages left",
        "messages_none": "no limit on messages",
        "minutes": "min left",
        "minutes_none": "no time limit",
        "more": "More",
        "nearest": "Nearest sections, which are not the answer",
        "new": "New conversation",
        "no_network": "No connection. Nothing is lost: this goes on by itself once it is back.",
        "no_threads": "Your conversations will be listed here.",
        "not_sent": "This could not be sent. Your text is still in the box.",
        "notice": "Before you start",
        "over": "This conversation has reached its end. Start a new one to go on; this one stays readable.",
        "over_characters": "Its characters are used up.",
        "over_messages": "Its messages are used up.",
        "over_minutes": "Its time is over.",
        "over_readable": "It stays readable here until your login ends, and you can keep a copy.",
        "part": "part {part} of {parts}",
        "placeholder": "Ask about the documentation…",
        "question_from": "You",
        "rate": "One last question: how did it go?",
        "rate_best": "very well",
        "rate_worst": "badly",
        "reading": "Reading the documentation",
        "reason": "Reason",
        "reason_incomplete": "Incomplete",
        "reason_unclear": "Unclear",
        "reason_unrelated": "Beside the point",
        "reason_wrong": "Wrong",
        "refused": "Not in the documentation",
        "remaining_one": "message left",
        "save": "Send",
        "saved": "Thank you, it is saved.",
        "searching": "Looking through the documentation",
        "seconds": "s left",
        "send": "Send",
        "skip": "To the question box",
        "soon_characters": "This conversation ends soon: {count} characters are left.",
        "soon_message": "This conversation ends soon: one message is left.",
        "soon_messages": "This conversation ends soon: two messages are left.",
        "soon_minutes": "This conversation ends in less than two minutes.",
        "sources": "Sources",
        "status_interrupted": "The answer was interrupted: the service stopped while writing it. That is our fault.",
        "status_stopped": "You stopped this answer.",
        "stop": "Stop",
        "threads": "Your conversations",
        "today": "Today",
        "too_long": "{length} of {limit} characters: {over} too many",
        "up": "Helpful",
        "writing": "Writing",
        "yesterday": "Yesterday",
    },
    "fr": {
        "accept": "J'accepte, je pose ma question",
        "again": "Reposer la question",
        "allowance": "Ce qui reste de cette conversation",
        "answer_from": "Réponse",
        "ask": "Votre question",
        "characters": "caractères restants",
        "characters_none": "caractères sans limite",
        "close": "Fermer",
        "comment": "Quelque chose à ajouter ? (facultatif)",
        "comment_bad": "Qu'est-ce qui est faux, ou manque ? (facultatif)",
        "conversation": "Conversation",
        "copied": "Copié",
        "copy": "Copier",
        "copy_answer": "Copier la réponse",
        "curated": "Réponse de l'équipe",
        "cut": "Le modèle a atteint sa limite de longueur : la fin de la réponse manque peut-être.",
        "declined": "Non rédigé",
        "document_this": "Documentez ceci, s'il vous plaît",
        "documented": "Merci : l'équipe verra que ceci manque.",
        "down": "Pas utile",
        "earlier": "Plus tôt",
        "elsewhere": "La réponse est encore en cours de rédaction…",
        "ended": "Cette conversation est arrivée à sa fin",
        "examples": "Par exemple",
        "failed_feedback": "Ceci n'a pas pu être enregistré. Réessayez dans un instant.",
        "feedback": "Votre avis sur cette réponse",
        "handover": "Continuer sur un autre appareil",
        "handover_enter": "Vous avez le code d'un autre appareil ? Saisissez-le ici.",
        "handover_how": "Un code à usage unique porte cette connexion, avec toutes ses conversations, sur un autre "
        "appareil. Saisissez-le là-bas sur la page de connexion, ou dans cette même fenêtre.",
        "handover_life": "Valable une fois, pendant dix minutes. Un nouveau code remplace le précédent.",
        "handover_make": "Montrer un code",
        "handover_take": "Continuer ici",
        "keep": "Garder une copie",
        "keep_md": "Télécharger en Markdown",
        "keep_pdf": "Télécharger en PDF",
        "log_in": "Se connecter",
        "login_button": "Entrer",
        "login_field": "Mot de passe ou code",
        "login_hint": "Vous venez d'un autre appareil ? Son code à usage unique fonctionne ici aussi.",
        "login_intro": "Cette bêta est fermée. Saisissez le mot de passe ou le code de votre invitation.",
        "logout": "Se déconnecter",
        "messages": "messages restants",
        "messages_none": "messages sans limite",
        "minutes": "min restantes",
        "minutes_none": "sans limite de temps",
        "more": "Plus",
        "nearest": "Sections les plus proches, qui ne sont pas la réponse",
        "new": "Nouvelle conversation",
        "no_network": "Pas de connexion. Rien n'est perdu : la suite vient d'elle-même à son retour.",
        "no_threads": "Vos conversations seront listées ici.",
        "not_sent": "L'envoi n'a pas abouti. Votre texte est encore dans le champ.",
        "notice": "Avant de commencer",
        "over": "Cette conversation est arrivée à sa fin. Commencez-en une nouvelle ; celle-ci reste lisible.",
        "over_characters": "Ses caractères sont épuisés.",
        "over_messages": "Ses messages sont épuisés.",
        "over_minutes": "Son temps est écoulé.",
        "over_readable": "Elle reste lisible ici jusqu'à la fin de votre connexion, et vous pouvez en garder une "
        "copie.",
        "part": "partie {part} sur {parts}",
        "placeholder": "Votre question…",
        "question_from": "Vous",
        "rate": "Une dernière question : comment cela s'est-il passé ?",
        "rate_best": "très bien",
        "rate_worst": "mal",
        "reading": "Lecture de la documentation",
        "reason": "Raison",
        "reason_incomplete": "Incomplète",
        "reason_unclear": "Peu claire",
        "reason_unrelated": "Hors sujet",
        "reason_wrong": "Fausse",
        "refused": "Absent de la documentation",
        "remaining_one": "message restant",
        "save": "Envoyer",
        "saved": "Merci, c'est enregistré.",
        "searching": "Recherche dans la documentation",
        "seconds": "s restantes",
        "send": "Envoyer",
        "skip": "Aller au champ de question",
        "soon_characters": "Cette conversation se termine bientôt : il reste {count} caractères.",
        "soon_message": "Cette conversation se termine bientôt : il reste un message.",
        "soon_messages": "Cette conversation se termine bientôt : il reste deux messages.",
        "soon_minutes": "Cette conversation se termine dans moins de deux minutes.",
        "sources": "Sources",
        "status_interrupted": "La réponse a été interrompue : le service s'est arrêté en l'écrivant. "
        "C'est de notre fait.",
        "status_stopped": "Vous avez arrêté cette réponse.",
        "stop": "Arrêter",
        "threads": "Vos conversations",
        "today": "Aujourd'hui",
        "too_long": "{length} caractères sur {limit} : {over} de trop",
        "up": "Utile",
        "writing": "Rédaction en cours",
        "yesterday": "Hier",
    },
}

FAULTS: dict[str, dict[str, str]] = {
    "en": {
        "empty_message": "Your message is empty. Write a question.",
        "message_too_long": "Your message has {length} characters; at most {limit} are allowed. Shorten it: your text"
        " is still in the box.",
        "not_logged_in": "Your login is missing or has ended. Log in again to start a new conversation.",
        "wrong_password": "This password or code is not right, or no longer good. Check it, or ask the team that "
        "invited you.",
        "unknown_thread": "This conversation is not among yours. Start a new one.",
        "unknown_message": "This message is not in a conversation of yours. Reload the page.",
        "busy": "The previous answer is still being written. Wait for its end, or stop it.",
        "session_expired": "The time of this conversation is over. Start a new one: your text is still in the box.",
        "session_full": "This conversation's messages are used up. Start a new one: your text is still in the box.",
        "session_full_characters": "Your message is longer than what is left of this conversation. Shorten it, or "
        "start a new conversation.",
        "assistant_unavailable": "This assistant needs a language model, and none is configured here. Choose another "
        "one, or tell the team that invited you.",
        "broken_template": "The team's template for this file is broken. Choose another format, or tell the team.",
        "edit_conflict": "This was changed elsewhere in the meantime. Reload the page to see it, then change it again.",
        "unknown_prompt": "This prompt is not there any more. Reload the page.",
        "rate_limited": "The limit of {allowed} is reached. Wait {wait} and try again.",
        "notice_required": "Read the notice and agree to it before your first message.",
        "too_busy": "Too many answers are being written right now. This is on our side: try again in "
        "{wait}. Your text is kept.",
        "store_unavailable": "We cannot save conversations right now. This is on our side: try again in a moment.",
        "storage_full": "We have run out of storage. This is on our side: tell the team that invited you.",
        "starting": "The service is still starting. Try again in a moment.",
        "interrupted": "The answer was interrupted: the service stopped while writing it. That is our fault.",
        "internal_error": "Something went wrong on our side. Ask again in a moment.",
        "provider_error": "The language model broke off or sent an unusable answer. This is on the model provider's"
        " side, not yours. Ask again.",
        "provider_rejected": "The model provider refused the request (key, quota or content filter). This is not your "
        "doing: tell the team, or ask in other words.",
        "provider_unavailable": "The language model cannot be reached. This is on the model provider's side, not "
        "yours. Ask again in a moment.",
        "provider_timeout": "The language model took too long. This is on the model provider's side, not yours. Ask "
        "again.",
    },
    "fr": {
        "empty_message": "Votre message est vide. Écrivez une question.",
        "message_too_long": "Votre message compte {length} caractères ; {limit} au plus sont permis. Raccourcissez-le"
        " : votre texte est encore dans le champ.",
        "not_logged_in": "Votre connexion manque ou a pris fin. Reconnectez-vous pour commencer une nouvelle "
        "conversation.",
        "wrong_password": "Ce mot de passe ou ce code n'est pas le bon, ou n'est plus valable. Vérifiez-le, ou "
        "demandez à l'équipe qui vous a invité.",
        "unknown_thread": "Cette conversation n'est pas parmi les vôtres. Commencez-en une nouvelle.",
        "unknown_message": "Ce message n'est dans aucune de vos conversations. Rechargez la page.",
        "busy": "La réponse précédente est encore en cours de rédaction. Attendez sa fin, ou arrêtez-la.",
        "session_expired": "Le temps de cette conversation est écoulé. Commencez-en une nouvelle : votre texte est "
        "encore dans le champ.",
        "session_full": "Les messages de cette conversation sont épuisés. Commencez-en une nouvelle : votre texte est "
        "encore dans le champ.",
        "session_full_characters": "Votre message est plus long que ce qui reste de cette conversation. "
        "Raccourcissez-le, ou commencez une nouvelle conversation.",
        "assistant_unavailable": "Cet assistant a besoin d'un modèle de langage, et aucun n'est configuré ici. "
        "Choisissez-en un autre, ou prévenez l'équipe qui vous a invité.",
        "broken_template": "Le modèle de document de l'équipe est défectueux pour ce fichier. Choisissez un autre "
        "format, ou prévenez l'équipe.",
        "edit_conflict": "Ceci a été modifié ailleurs entre-temps. Rechargez la page, puis modifiez à nouveau.",
        "unknown_prompt": "Cette consigne n'est plus là. Rechargez la page.",
        "rate_limited": "La limite de {allowed} est atteinte. Attendez {wait} et réessayez.",
        "notice_required": "Lisez l'avis et acceptez-le avant votre premier message.",
        "too_busy": "Trop de réponses sont en cours de rédaction. C'est de notre fait : réessayez dans "
        "{wait}. Votre texte est gardé.",
        "store_unavailable": "Nous ne pouvons pas enregistrer les conversations pour l'instant. C'est de notre fait : "
        "réessayez dans un instant.",
        "storage_full": "Nous n'avons plus d'espace de stockage. C'est de notre fait : prévenez l'équipe qui vous"
        " a invité.",
        "starting": "Le service démarre encore. Réessayez dans un instant.",
        "interrupted": "La réponse a été interrompue : le service s'est arrêté en l'écrivant. C'est de notre fait.",
        "internal_error": "Quelque chose a échoué de notre côté. Reposez la question dans un instant.",
        "provider_error": "Le modèle de langage s'est interrompu ou a envoyé une réponse inutilisable. Cela vient "
        "du fournisseur du modèle, pas de vous. Reposez la question.",
        "provider_rejected": "Le fournisseur du modèle a refusé la demande (clé, quota ou filtre de contenu). Vous n'y"
        " êtes pour rien : prévenez l'équipe, ou formulez autrement.",
        "provider_unavailable": "Le modèle de langage est injoignable. Cela vient du fournisseur du modèle, pas de "
        "vous. Réessayez dans un instant.",
        "provider_timeout": "Le modèle de langage a mis trop de temps. Cela vient du fournisseur du modèle, pas de "
        "vous. Reposez la question.",
    },
}


def say(language: str, key: str) -> str:
    """Give a text of the page in the reader's language."""
    return set_type(language, TEXTS.get(language, TEXTS["en"])[key])


def set_type(language: str, text: str) -> str:
    """Keep French signs on the line of the word before them, by a narrow no-break space."""
    return _BEFORE_SIGN.sub("\u202f", text) if language == "fr" else text


def explain_code(language: str, code: str) -> str:
    """Say in one sentence what a failed answer's code means, and whose fault it is."""
    return _fill(language, code, {})


def explain_error(language: str, error: GuichetError) -> str:
    """Say in one sentence what went wrong, whose fault it is and what to do."""
    code = error.code
    if isinstance(error, SessionFull) and error.limit == "MAX_CHARACTERS":
        code = "session_full_characters"
    values: dict[str, object] = {name: getattr(error, name, "") for name in ("length", "limit")}
    if isinstance(error, RateLimited):
        values["allowed"] = say_rate(error.rate, error.deed, language)
    if isinstance(error, RateLimited | TooBusy):
        values["wait"] = say_wait(error.retry_after_s, language)
    return _fill(language, code, values)


def format_number(language: str, number: int) -> str:
    """Group a number's digits as the language does; a narrow no-break space in French."""
    return f"{number:,}".replace(",", "," if language == "en" else "\u202f")


def _fill(language: str, code: str, values: dict[str, object]) -> str:
    faults = FAULTS.get(language, FAULTS["en"])
    sentence = faults.get(code, faults["internal_error"])
    return set_type(
        language, sentence.format(**{"length": "", "limit": "", "allowed": "", "wait": "", **values})
    )
