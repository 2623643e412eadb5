"""What the synthetic log is made of: topics of a software product, in English and French."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject of the documentation: its words, where it is described, and what an answer shows."""

    name: str
    source: str
    heading: str
    sentence: str
    code: str


TOPICS = {
    "en": (
        Topic(
            "the beta code",
            "en/beta-access.md",
            "Beta access > Codes",
            "A code is valid until its date has passed or its uses are spent.",
            "python -m chatbot codes list",
        ),
        Topic(
            "a backup",
            "en/backup.md",
            "Backup and restore > Backup",
            "A backup may be taken while the service runs; it is one folder.",
            "python -m chatbot backup /srv/backups/today",
        ),
        Topic(
            "the reverse proxy",
            "en/deployment.md",
            "Deployment > Behind a proxy",
            "The proxy has to pass the host name on and must not buffer the stream.",
            "proxy_buffering off;\nproxy_read_timeout 300s;",
        ),
        Topic(
            "the published log",
            "en/log.md",
            "The conversation log > Tables",
            "The log is one DuckDB file that may be opened at any moment.",
            "SELECT * FROM usage_per_hour ORDER BY hour DESC LIMIT 24;",
        ),
        Topic(
            "the message limit",
            "en/limits.md",
            "Limits > Session",
            "A message is accepted while what is there plus the message itself fits.",
            "MAX_MESSAGES=50",
        ),
        Topic(
            "an admin account",
            "en/admin.md",
            "The office > Accounts",
            "Accounts are added by a superadmin, on the page or by the command line.",
            "python -m chatbot users add alice",
        ),
        Topic(
            "the widget",
            "en/widget.md",
            "Widget > Embed it",
            "The widget is one script; its origin has to be in the list of those allowed.",
            '<script src="https://docs.example.org/widget.js" async></script>',
        ),
        Topic(
            "the language model",
            "en/models.md",
            "Models > Choose a model",
            "Without a model of your own the answers are quoted from the documents.",
            "CHAT_MODEL=openai:gpt-4o-mini",
        ),
        Topic(
            "a search index",
            "en/knowledge.md",
            "Knowledge > Index",
            "The index is kept under the hash of the documents and follows their changes.",
            "python -m chatbot index",
        ),
        Topic(
            "single sign-on",
            "en/sso.md",
            "The office > Single sign-on",
            "Any OpenID Connect provider will do; roles are read from one claim.",
            "OIDC_ISSUER=https://login.example.org",
        ),
    ),
    "fr": (
        Topic(
            "le code d'accès",
            "fr/acces-beta.md",
            "Accès bêta > Codes",
            "Un code vaut jusqu'à sa date ou jusqu'à l'épuisement de ses usages.",
            "python -m chatbot codes list",
        ),
        Topic(
            "une sauvegarde",
            "fr/sauvegarde.md",
            "Sauvegarde et restauration > Sauvegarder",
            "La sauvegarde se fait pendant que le service tourne ; elle tient en un dossier.",
            "python -m chatbot backup /srv/sauvegardes/jour",
        ),
        Topic(
            "le serveur mandataire",
            "fr/deploiement.md",
            "Déploiement > Derrière un mandataire",
            "Le mandataire doit transmettre le nom d'hôte et ne rien mettre en mémoire tampon.",
            "proxy_buffering off;",
        ),
        Topic(
            "le journal publié",
            "fr/journal.md",
            "Le journal des conversations > Tables",
            "Le journal est un fichier DuckDB que l'on peut ouvrir à tout moment.",
            "SELECT * FROM thread_summary LIMIT 20;",
        ),
        Topic(
            "la limite de messages",
            "fr/limites.md",
            "Limites > Session",
            "Un message est accepté tant que le total et lui-même tiennent dans la limite.",
            "MAX_MESSAGES=50",
        ),
        Topic(
            "un compte d'administration",
            "fr/administration.md",
            "Le bureau > Comptes",
            "Les comptes sont créés par un super-administrateur, sur la page ou en ligne de commande.",
            "python -m chatbot users add alice",
        ),
        Topic(
            "le module à intégrer",
            "fr/widget.md",
            "Module > L'intégrer",
            "Le module est un seul script ; son origine doit figurer parmi celles autorisées.",
            '<script src="https://docs.example.org/widget.js" async></script>',
        ),
        Topic(
            "le modèle de langage",
            "fr/modeles.md",
            "Modèles > Choisir un modèle",
            "Sans modèle à vous, les réponses citent les documents mot pour mot.",
            "CHAT_MODEL=openai:gpt-4o-mini",
        ),
    ),
}

QUESTIONS = {
    "en": (
        "How do I set up {name}?",
        "Where is {name} configured?",
        "What happens to {name} after an upgrade?",
        "Can I change {name} without a restart?",
        "{Name} does not work for me: I get error {number}. What should I check?",
        "Is there a limit on {name} with {number} users?",
        "Which command shows {name}?",
        "How can I automate {name} every {number} minutes?",
    ),
    "fr": (
        "Comment configurer {name} ?",
        "Où se règle {name} ?",
        "Que devient {name} après une mise à jour ?",
        "Puis-je modifier {name} sans redémarrer ?",
        "J'obtiens l'erreur {number} avec {name} : que faut-il vérifier ?",
        "Y a-t-il une limite pour {name} avec {number} utilisateurs ?",
        "Quelle commande affiche {name} ?",
    ),
}

FOLLOW_UPS = {
    "en": (
        "And on Windows?",
        "Can you show me an example?",
        "What if it fails {number} times?",
        "Thanks, and for {name}?",
    ),
    "fr": (
        "Et sous Windows ?",
        "Avez-vous un exemple ?",
        "Et si cela échoue {number} fois ?",
        "Merci, et pour {name} ?",
    ),
}

UNKNOWN = {
    "en": (
        "Does it run on a mainframe with {number} partitions?",
        "When will version {number} be released?",
        "Can I pay by cheque for {number} seats?",
        "Is there a mobile app for tablets?",
    ),
    "fr": (
        "Est-ce que cela tourne sur un grand système à {number} partitions ?",
        "Quand sortira la version {number} ?",
        "Peut-on payer par chèque pour {number} postes ?",
        "Existe-t-il une application mobile ?",
    ),
}

ANSWERS = {
    "en": (
        "{sentence} [1]\n\n```\n{code}\n```\n\nSee *{heading}* for the settings that belong to it. [2]",
        "Yes. {sentence} [1]\n\n1. Stop what uses it.\n2. Run `{line}`.\n3. Check the log lines for {number}. [2]",
        "**In short:** {sentence} [1]\n\n- It needs no restart.\n- It applies to {number} users at once. [2]",
        "{sentence} [1]\n\n| setting | value |\n| --- | --- |\n| timeout | {number} s |\n| retries | 3 |",
    ),
    "fr": (
        "{sentence} [1]\n\n```\n{code}\n```\n\nVoir *{heading}* pour les réglages associés. [2]",
        "Oui. {sentence} [1]\n\n1. Arrêtez ce qui l'utilise.\n2. Lancez `{line}`.\n3. Vérifiez {number} lignes. [2]",
        "**En bref :** {sentence} [1]\n\n- Sans redémarrage.\n- Cela vaut pour {number} utilisateurs. [2]",
    ),
}

REFUSALS = {
    "en": "The documentation does not say. The nearest sections, which are not the answer: *{heading}*.",
    "fr": "La documentation ne le dit pas. Les sections les plus proches, qui ne sont pas la réponse : *{heading}*.",
}

COMMENTS = {
    "en": (
        "Just what I needed.",
        "The command is missing an option.",
        "Too long for a yes or no question.",
        "Wrong page cited.",
    ),
    "fr": (
        "Exactement ce qu'il me fallait.",
        "Il manque une option à la commande.",
        "Trop long.",
        "Mauvaise page citée.",
    ),
}

REASONS = ("wrong", "incomplete", "not_about_my_question", "too_long")

ASSISTANT_DEFINITION = """name: support
title: Support
description: Answers questions from the product's documentation.
prompt: |
  Answer from the numbered passages alone, in the language of the question, and cite them as [number].
"""
