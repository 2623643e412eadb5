"""Messages that ask the documents nothing: greetings, thanks, and questions about the assistant itself.

A closed list of phrases in two languages; a message is a courtesy only where nothing else stands in it, so that
"hello, how do I log in?" is a question. They get a line of the assistant's own, without a search and without the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from chatbot.assistants.definition import Assistant
from chatbot.text import collapse_space, fold

# By kind, in the order in which one decides where a message has several.
_PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "thanks": r"(?:many )?thanks?(?: (?:you|a lot|so much|very much|again))*|thx|cheers"
        r"|for (?:your|the) (?:help|answer)|(?:that is|that s|it is|it s)? ?very helpful|that helps|that helped",
        "self": r"(?:can|could|will) you help(?: me)?|(?:i need |please )?help(?: me)?|who (?:are|r) you|what are you"
        r"|what (?:can|do) you do|what can i ask(?: you)?|what do you know|how can you help(?: me)?"
        r"|are you (?:a |an )?(?:real |human |chat)?(?:human|person|robot|bot|machine|ai|real|chatgpt)",
        "greeting": r"hello|hi|hey|hiya|good (?:morning|afternoon|evening|day)|how are you(?: doing)?(?: today)?",
        "farewell": r"bye(?: bye)?|goodbye|see you(?: later| soon)?|have a (?:nice|good|great) (?:day|evening|one)",
        "nod": r"ok|okay|okey|yes|yep|yeah|no|nope|sure|fine|all ?right|i see|got it|understood|great|perfect|cool|nice"
        r"|awesome|excellent|good",
    },
    "fr": {
        "thanks": r"(?:grand )?merci(?: (?:beaucoup|bien|encore|infiniment|d avance))*"
        r"|(?:je (?:te|vous) )?remercie|pour (?:ton|votre|l|cette|ta) (?:aide|reponse)",
        "self": r"(?:pouvez vous|peux tu|tu peux|vous pouvez) m aider|(?:a l )?aide|aidez moi|aide moi"
        r"|(?:qui|qu) (?:es tu|etes vous)|(?:tu es|t es|vous etes) qui|qu est ce que tu es"
        r"|(?:que|quoi) (?:sais|peux) tu(?: faire)?|que (?:savez|pouvez) vous(?: faire)?"
        r"|qu est ce que (?:tu (?:sais|peux)|vous (?:savez|pouvez)) faire|que puis je (?:te |vous )?demander"
        r"|comment (?:peux tu|pouvez vous) m aider|(?:es tu|tu es|etes vous|vous etes) (?:un |une )?"
        r"(?:humain|personne|robot|machine|ia|vraie personne)",
        "greeting": r"bonjour|bonsoir|salut|coucou|(?:comment )?(?:ca va|vas tu|allez vous)",
        "farewell": r"au revoir|a (?:bientot|plus(?: tard)?|demain)|bonne (?:journee|soiree|nuit)",
        "nod": r"ok|oui|non|d accord|daccord|entendu|compris|je vois|parfait|super|genial|tres bien|bien|excellent"
        r"|cool",
    },
}
_FILLERS = {
    "en": r"there|again|all|everyone|please|so|and|then|well|bot",
    "fr": r"a tous|tout le monde|svp|et|alors",
}
_KINDS = {
    language: {kind: re.compile(rf"\b(?:{phrases})\b") for kind, phrases in kinds.items()}
    for language, kinds in _PHRASES.items()
}
_WHOLE = {
    language: re.compile(rf"(?:(?:{'|'.join(kinds.values())}|{_FILLERS[language]})(?: |$))+")
    for language, kinds in _PHRASES.items()
}
_NOT_WORD = re.compile(r"[\W_]+")
# An option, a path or a name of code is looked up, whatever word it holds: `--help`.
_CODE = re.compile(r"(?:^|\s)-+\w|[_/`<>=$]")
_LONGEST = 80

_REPLIES = {
    "en": {
        "greeting": "Hello! {greeting}",
        "thanks": "You are welcome. Ask again whenever you like.",
        "farewell": "Goodbye!",
        "nod": "Ask whatever else you would like to know.",
        "self": "I am a program, not a person: **{title}**. {description}",
        "ask": "What would you like to know?",
        "examples": "You could ask, for example:",
    },
    "fr": {
        "greeting": "Bonjour ! {greeting}",
        "thanks": "Je vous en prie. Posez d'autres questions quand vous voulez.",
        "farewell": "Au revoir !",
        "nod": "Posez vos autres questions quand vous voulez.",
        "self": "Je suis un programme, pas une personne : **{title}**. {description}",
        "ask": "Que voulez-vous savoir ?",
        "examples": "Vous pouvez demander, par exemple :",
    },
}


def answer_courtesy(message: str, language: str, assistant: Assistant, last_answer: str = "") -> str:
    """Give the assistant's line for a message that is nothing but a courtesy; empty for any other.

    A bare yes or no to an answer that ended with a question is no courtesy: it goes on with the thread.

    Args:
        language: the reader's; a message in the other is answered in its own.
        last_answer: the answer before it in its thread, empty where there is none.
    """
    others = [other for other in _PHRASES if other != language]
    if len(message) > _LONGEST or _CODE.search(message):
        return ""
    plain = collapse_space(_NOT_WORD.sub(" ", fold(message))).strip()
    for spoken in (language, *others):
        if not plain or spoken not in _PHRASES or not _WHOLE[spoken].fullmatch(plain):
            continue
        kind = next((kind for kind, phrases in _KINDS[spoken].items() if phrases.search(plain)), "")
        if not kind or (kind == "nod" and last_answer.rstrip("*_ \n").endswith(("?", "？"))):
            return ""
        return _write(kind, spoken, assistant)
    return ""


def _write(kind: str, language: str, assistant: Assistant) -> str:
    words = _REPLIES[language]
    line = (
        words[kind]
        .format(
            greeting=assistant.say(assistant.greeting, language) or words["ask"],
            title=assistant.say(assistant.title, language),
            description=assistant.say(assistant.description, language),
        )
        .strip()
    )
    examples = assistant.examples.get("fr" if language == "fr" else "en", [])
    if kind != "self" or not examples:
        return line
    return "\n".join([line, "", words["examples"], "", *(f"- {question}" for question in examples)])
