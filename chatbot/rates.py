"""How often something may be done, and how long to wait, in the words of a language."""

from __future__ import annotations

import math

from limits import parse

# Up to here a wait is said in seconds, beyond in minutes.
LONGEST_SECONDS = 120

UNITS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "second": ("second", "seconds"),
        "minute": ("minute", "minutes"),
        "hour": ("hour", "hours"),
        "day": ("day", "days"),
    },
    "fr": {
        "second": ("seconde", "secondes"),
        "minute": ("minute", "minutes"),
        "hour": ("heure", "heures"),
        "day": ("jour", "jours"),
    },
}
# By the deeds that limiters are made with; of one, of several.
DEEDS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "file": ("file", "files"),
        "form": ("form", "forms"),
        "login": ("new login from one address", "new logins from one address"),
        "message": ("message", "messages"),
        "resume-code": ("code for another device", "codes for another device"),
        "source": ("message from one address", "messages from one address"),
        "story_prompt": ("change", "changes"),
        "transcript": ("copy", "copies"),
        "wrong-admin-password": ("wrong password", "wrong passwords"),
        "wrong-password": ("wrong password or code", "wrong passwords or codes"),
    },
    "fr": {
        "file": ("fichier", "fichiers"),
        "form": ("formulaire", "formulaires"),
        "login": (
            "nouvelle connexion depuis une même adresse",
            "nouvelles connexions depuis une même adresse",
        ),
        "message": ("message", "messages"),
        "resume-code": ("code pour un autre appareil", "codes pour un autre appareil"),
        "source": ("message depuis une même adresse", "messages depuis une même adresse"),
        "story_prompt": ("modification", "modifications"),
        "transcript": ("copie", "copies"),
        "wrong-admin-password": ("mot de passe erroné", "mots de passe erronés"),
        "wrong-password": ("mot de passe ou code erroné", "mots de passe ou codes erronés"),
    },
}
_PER = {"en": ("per", "in"), "fr": ("par", "en")}


def say_rate(rate: str, deed: str, language: str = "en") -> str:
    """Give a rate in words, such as `30 messages per minute` or `10 wrong passwords in 5 minutes`.

    Args:
        rate: such as `30/minute` or `10 per 5 minutes`.
        deed: one of `DEEDS`.
    """
    item = parse(rate)
    units = UNITS[language][item.GRANULARITY.name]
    one, several = _PER[language]
    period = f"{one} {units[0]}" if item.multiples == 1 else f"{several} {item.multiples} {units[1]}"
    return f"{item.amount} {_agree(DEEDS[language][deed], item.amount, language)} {period}"


def say_wait(seconds: int, language: str = "en") -> str:
    """Give a wait in words: its seconds, or where they are many its minutes, rounded up."""
    unit, number = ("second", seconds) if seconds <= LONGEST_SECONDS else ("minute", math.ceil(seconds / 60))
    return f"{number} {_agree(UNITS[language][unit], number, language)}"


def _agree(forms: tuple[str, str], number: int, language: str) -> str:
    # Nothing is several in English and one in French.
    is_one = number == 1 or (number == 0 and language == "fr")
    return forms[0] if is_one else forms[1]
