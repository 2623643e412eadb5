"""Masks what points at a person, or opens a door, in free text: by patterns, and by check digits where there are any.

Found are e-mail addresses, IBANs, payment card numbers, telephone numbers written the French, the North American or
the international way, IP addresses of both versions, and keys: those with a prefix of their issuer's, JSON web tokens,
private keys, what follows `password=` and its like, passwords in addresses, Guichet's own codes, and long random words.
Names of people in running text are not found, nor is anything else that has no form of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable
from itertools import pairwise

from chatbot.check_digits import Span, find_cards, find_ibans

# Raised whenever a pattern changes: files masked by other rules are made anew.
MASKING_VERSION = 2

# Text is normalized to NFC, and no pattern looks back over more than its own piece: linear on hostile text.
SIGN = "@|%40|\\s?[(\\[]\\s?(?:at|arobase)\\s?[)\\]]\\s?"
DOT = "[.\u3002]|\\s?[(\\[]\\s?(?:dot|point)\\s?[)\\]]\\s?"
EMAIL = re.compile(
    rf"(?i)(?:(?<![\w.+%!#$&'^~-])[\w.+%!#$&'^~-]{{1,128}}|\"[^\"\n]{{1,64}}\")(?:{SIGN})"
    rf"(?:[\w-]{{1,63}}(?:{DOT})){{1,8}}[^\W\d_][\w-]{{1,62}}"
)
PRIVATE_KEY = re.compile(
    r"-----\s?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?\s?-----(?:(?!-----).){0,20000}"
    r"(?:-----\s?END [A-Z0-9 ]{0,40}-----)?",
    re.DOTALL,
)
WEB_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{8,4000}\.[\w-]{4,8000}(?:\.[\w-]{0,4000})?(?![\w-])")
# Prefixes as their issuers document them: OpenAI, Stripe, GitHub, GitLab, Slack, AWS, Google, Hugging Face, npm, PyPI,
# SendGrid, DigitalOcean, Vault, age, Shopify, Telegram and the many that begin with "sk-".
PREFIXED_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?=[\w-]{0,100}\d)[\w-]{16,400}|[spr]k_(?:live|test)_\w{10,200}|whsec_\w{16,200}|gh[pousr]_\w{20,255}"
    r"|github_pat_\w{20,255}|glpat-[\w-]{16,100}|(?:xox[abeoprs]|xapp)-(?=[\w-]{0,40}\d)[\w-]{10,250}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,50}|hf_\w{20,100}|ya29\.[\w-]{20,400}|hv[sbr]\.[\w-]{20,400}"
    r"|npm_\w{30,60}|pypi-[\w-]{16,400}|SG\.[\w-]{16,40}\.[\w-]{16,80}|dop_v1_\w{40,80}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,80}|shp(?:at|ss|ca|pa)_\w{20,80}|\d{8,10}:AA[\w-]{30,40}"
    r")"
)
# Where the path of an address is itself what lets one in.
HOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)[\w/-]{8,400}"
)
URL_PASSWORD = re.compile(r"(://)([^\s/@:\"'<>]{0,100}:([^\s/@\"'<>]{1,200}))(?=@)")
CURL_USER = re.compile(
    r"(\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?)"
    r"[^\s:@\"'$<{]{1,100}:(?=[^\s\"']{0,100}[^\W\d_])[^\s\"'$<{]{1,200}"
)
URL_KEY = re.compile(r"(?i)([?&](?:key|sig|signature|auth|code)=)([^\s&#\"'<>`]{6,400})")
BEARER = re.compile(r"(?i)(\bbearer\s{1,4})([\w.~+/-]{12,4000}={0,2})")
AUTHORIZATION = re.compile(
    r"(?i)(\bauthorization[\"'`]?\s{0,3}[:=]\s{0,3}[\"'`]?(?:basic|bearer|token|digest|apikey)\s{1,4})"
    r"([^\s\"'`<>,;]{6,4000})"
)
# A beta code of Guichet's, and licence keys written the same way.
GROUPED_CODE = re.compile(r"(?<![\w-])(?=[A-Z-]{0,23}\d)[A-Z0-9]{5}(?:-[A-Z0-9]{5}){3}(?![\w-])")
KEPT_UNDER = (
    r"(?:password|passwd|passphrase|pwd|secret|token(?!s)|api[_ -]?key|access[_ -]?key|account[_ -]?key|passwort"
    r"|kennwort|contrase[ñn]a|mot de passe|mots de passe|mdp|cl[ée] (?:d')?(?:api|acc[èe]s)|jeton(?!s))"
)
# `password: hunter2`, `API_KEY=…`, `mot de passe : …`; what is plainly a placeholder stays readable.
ASSIGNED = re.compile(
    rf"(?i)(\b[\w-]{{0,40}}?{KEPT_UNDER}[\w-]{{0,40}}[\"'`]{{0,2}}[\s\u00a0\u202f]{{0,3}}[=:]\s{{0,3}}[\"'`]{{0,2}})"
    r"([^\s\"'`<>{},;]{4,400})"
)
QUOTED = re.compile(
    rf"(?i)(\b[\w-]{{0,40}}?{KEPT_UNDER}[\w-]{{0,40}}\s{{0,3}}=\s{{0,3}})([\"'])([^\"'\n]{{4,200}})\2"
)
# `my password is hunter2`, `--password hunter2`: words alone are a sentence's ("the password is generated").
SPOKEN = re.compile(
    r"(?i)(\b(?:password|passwd|passphrase|pwd|mot de passe|mdp)\s{1,3}(?:(?:is|was|est|était|c'est)\s{1,3}"
    r"|(?:[^\W\d_]{1,12}\s){1,2}?[:=]\s{0,3})[\"'`«]?\s?"
    r"|--[\w-]{0,40}(?:password|token|secret|api-key)\s{1,3})"
    r"((?=[^\s\"'`]{0,80}\d)(?=[^\s\"'`]{0,80}[^\W\d_])[^\s\"'`<>{},;]{6,200})"
)
LONG_WORD = re.compile(r"(?<![\w/+.-])[A-Za-z0-9_+/-]{32,400}={0,2}(?![\w/+-])")
GAP = "[ \t\u00a0\u202f._\\-/\u2010-\u2015]"
DATE = r"(?:0?[1-9]|[12]\d|3[01])([./ -])(?:0?[1-9]|1[0-2])\1(?:19|20)\d{2}(?!\d)"
PHONE = re.compile(
    # What looks like one, and is taken first: a date, with whatever number comes after it; a UUID.
    rf"(?<![\w.]){DATE}|\b(?:19|20)\d{{2}}-\d{{2}}-\d{{2}}(?:[-T_:]\d{{2}}){{0,4}}(?!\d)"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|(?P<phone>(?<![\w+])(?<!\d[.:])(?:"
    # +33 6 12 34 56 78, +44 (0)20 7946 0958, 0033 6…: nine to fifteen digits, by ITU-T E.164.
    rf"(?:\+ ?|%2B|00 ?)[1-9]\d{{0,2}}(?:{GAP}{{0,2}}\(0\))?(?:{GAP}{{0,3}}\(?\d{{1,5}}\)?){{2,7}}"
    # 06 12 34 56 78, (01) 23.45.67.89, 0612345678, 0 800 123 456, by the French numbering plan; 33612345678.
    rf"|(?:\(0[1-9]\)|0[1-9])(?:{GAP}{{0,3}}\d{{2}}){{4}}|0{GAP}?[1-9]\d{{2}}{GAP}\d{{3}}{GAP}\d{{3}}"
    rf"|0[1-9]{GAP}\d{{2}}{GAP}\d{{3}}{GAP}\d{{3}}|33{GAP}?[67](?:{GAP}?\d{{2}}){{4}}"
    # 079 123 45 67, 020 7946 0958, 07911 123456, as neighbours write theirs.
    r"|0[1-9]\d{1,3} \d{3,4} \d{2,4}(?: \d{2})?|0[1-9]\d{3} \d{6}"
    # (555) 123-4567, 555-123-4567, by the North American numbering plan.
    r"|\([2-9]\d{2}\)\s?[2-9]\d{2}[-. ]\d{4}|[2-9]\d{2}[-.][2-9]\d{2}[-.]\d{4}"
    r")(?![^\W_]|[.,-]\d))"
)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![^\W_]|\.\d)")
# `version 1.2.3.4` and `section 4.1.2.3` are no addresses.
NUMBERED = re.compile(r"(?i)(?:\b(?:versions?|releases?|sections?|chapters?|chapitres?)\s|§\s?)\Z")
IPV6 = re.compile(
    r"(?<![\w:.])((?:[A-Za-z]\w{0,30}:)??)"
    r"((?=[0-9A-Fa-f:]{0,30}::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3})(?![\w:])"
)
# What is a digit, a letter or a sign to who reads it, and nothing to a reader: full width, zero width.
WIDE = re.compile("[\uff01-\uff5e\u200b-\u200d\u2060\ufeff\u00ad]")
PLAIN = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD)),
}
# A line's end written as in JSON: its letter is none of the word's behind it.
ESCAPES = {"\\n": "\ue000", "\\r": "\ue001", "\\t": "\ue002"}

# Where none of these stands the patterns behind them cannot match: most of the text is passed over at once.
SECRET_WORDS = (
    *(
        "passw",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "key",
        "kennwort",
        "contrase",
        "passe",
        "mdp",
        "jeton",
    ),
    *("clé ", "cle "),
)
MANY_DIGITS = re.compile(r"\d(?:[\D]{0,3}\d){7}")
WRITTEN_SIGN = re.compile(r"(?i)[(\[]\s?(?:at|arobase)\s?[)\]]")
LONG = re.compile(r"[\w.-]{18}")

# Values that tell nothing: CHANGE_ME, $TOKEN, ${NAME}, your-key, sk-..., Optional[str], os.environ[…], what is masked.
PLACEHOLDER = re.compile(
    r"[\[*(].*|.*(?:\.\.\.|\u2026).*|\$?[A-Z]+(?:_[A-Z0-9]+)*|\$[a-z_]+|\$[({].*|(?i:your|votre|change.?me).*"
    r"|[A-Z]\w*\[.*|(?:os|self|settings|config|process)\.[\w.]+.*"
    r"|(?i:none|null|true|false|string|str|optional|required|bytes)"
)
# `token_count: 123456` and `password_file=…` are not the thing itself.
ABOUT = re.compile(
    r"(?i)[_-](?:counts?|limit|size|length|ttl|expiry|expires?|in|at|type|ur[il]|name|file|path|field|min|max"
    r"|version|budget|hash|days|s|ms)[\"'`]{0,2}\s{0,3}[=:]\s{0,3}[\"'`]{0,2}\Z"
)


def mask_text(text: str) -> str:
    """Give a text with what was found replaced by its kind in brackets, such as `[e-mail]`."""
    plain = text.translate(PLAIN) if WIDE.search(text) else text
    is_free = "\\" in plain and not any(sign in plain for sign in ESCAPES.values())
    escapes = ESCAPES if is_free else {}
    masked = plain
    for escape, sign in escapes.items():
        masked = masked.replace(escape, sign)
    masked = _mask_numbers(_mask_words(masked))
    for escape, sign in escapes.items():
        masked = masked.replace(sign, escape)
    return text if masked == plain else masked


def make_pseudonym(salt: bytes, kind: str, label: str) -> str:
    """Give a label's stand-in: the same for the same salt, and not to be turned back without it (HMAC-SHA256)."""
    digest = hmac.new(salt, f"{kind}\0{label}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{kind}-{digest[:16]}"


def _mask_words(text: str) -> str:
    """Mask keys, passwords and e-mail addresses."""
    if "-----" in text:
        text = PRIVATE_KEY.sub("[key]", text)
    if LONG.search(text):
        text = PREFIXED_KEY.sub("[key]", WEB_TOKEN.sub("[key]", text))
        text = GROUPED_CODE.sub("[key]", text)
    if "hooks" in text:
        text = HOOK.sub(r"\1[key]", text)
    if "curl" in text:
        text = CURL_USER.sub(r"\1[key]", text)
    if "=" in text:
        text = URL_KEY.sub(_mask_value, text)
    if "://" in text and "@" in text:
        text = URL_PASSWORD.sub(lambda found: found[0] if _is_example(found[3]) else f"{found[1]}[key]", text)
    lowered = text.lower()
    if "authorization" in lowered:
        text = AUTHORIZATION.sub(_mask_value, text)
    if "bearer" in lowered:
        text = BEARER.sub(lambda found: found[0] if found[2].isalpha() else _mask_value(found), text)
    if "@" in text or "%40" in text or WRITTEN_SIGN.search(text):
        text = EMAIL.sub("[e-mail]", text)
    if any(word in lowered for word in SECRET_WORDS):
        text = QUOTED.sub(lambda found: _mask_value(found, found[3]), text)
        text = ASSIGNED.sub(_mask_assigned, text)
        text = SPOKEN.sub(_mask_value, text)
    return text


def _mask_numbers(text: str) -> str:
    """Mask accounts, cards, telephone numbers, IP addresses, and long random words once accounts are gone."""
    has_digits = MANY_DIGITS.search(text) is not None
    if has_digits:
        text = _replace(text, find_ibans(text), "[iban]")
    if LONG.search(text):
        text = LONG_WORD.sub(lambda found: "[key]" if _is_random(found[0]) else found[0], text)
    if "::" in text or text.count(":") > 6:
        text = IPV6.sub(_mask_ipv6, text)
    if text.count(".") > 2:
        text = IPV4.sub(_mask_ipv4, text)
    if has_digits:
        text = _replace(text, find_cards(text), "[card]")
        text = PHONE.sub(_mask_phone, text)
    return text


def _replace(text: str, spans: Iterable[Span], mask: str) -> str:
    pieces, place = [], 0
    for start, end in spans:
        pieces += [text[place:start], mask]
        place = end
    return "".join([*pieces, text[place:]])


def _mask_value(match: re.Match[str], value: str | None = None) -> str:
    told = value or match[2]
    is_empty = any(PLACEHOLDER.fullmatch(form) for form in (told, told.rstrip(").,:!?")))
    return match[0] if is_empty else f"{match[1]}[key]"


def _mask_assigned(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    has_both = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    # A heading ("password: the setting …") tells nothing; so short a value is a word or a number, if not both.
    is_word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    is_heading = is_word and ":" in name and "=" not in name and not re.match("(?i)mdp|pwd", name)
    if is_heading or (len(value) < 6 and not has_both) or ABOUT.search(name):
        return match[0]
    return _mask_value(match)


def _is_example(password: str) -> bool:
    return PLACEHOLDER.fullmatch(password) is not None or password.lower() in (
        "password",
        "pass",
        "secret",
        "pw",
    )


def _mask_phone(match: re.Match[str]) -> str:
    text = match["phone"]
    length = _measure_phone(text) if text else 0
    return "[phone]" + text[length:] if length else match[0]


def _measure_phone(text: str) -> int:
    """Give the length of the longest beginning that is a telephone number; 0 if none is."""
    if text.startswith(("+", "%", "00")):
        for group in reversed(list(re.finditer(r"\d+\)?", text))):
            digits = re.sub(
                r"\D", "", text[: group.end()].replace("(0)", "").replace("%2B", "")
            ).removeprefix("00")
            # North America's and Russia's have eleven digits, and +1 000 000 is a number.
            if len(digits) == 11 if digits.startswith(("1", "7")) else 9 <= len(digits) <= 15:
                return group.end()
        return 0
    pairs = [int(pair) for pair in re.findall(r"\d\d", text)]
    is_counting = all(after - before == 1 for before, after in pairwise(pairs))
    return len(text) if 9 <= sum(map(str.isdigit, text)) <= 11 and not is_counting else 0


def _mask_ipv4(match: re.Match[str]) -> str:
    address = ".".join(str(int(part)) for part in match[0].split("."))
    is_number = NUMBERED.search(match.string[max(0, match.start() - 12) : match.start()]) is not None
    return match[0] if is_number or not _points_somewhere(address) else "[ip]"


def _mask_ipv6(match: re.Match[str]) -> str:
    # Colons of a sentence's at its end do not belong to it.
    address = match[2] if match[2].endswith("::") else match[2].rstrip(":")
    # `::`, `a::b` and `x[1::2]` belong to programming languages; an address of letters alone has more groups than two.
    groups = re.findall(r"[^:]+", address)
    is_address = any(sign.isdigit() for sign in address) or len(groups) > 2
    is_address = is_address and (len(groups) > 5 or any(len(group) > 2 for group in groups))
    if not is_address or not _points_somewhere(address):
        return match[0]
    return f"{match[1]}[ip]{match[2][len(address) :]}"


def _points_somewhere(address: str) -> bool:
    """Tell whether it is an address of somebody's: every machine calls itself 127.0.0.1, ::1 or 0.0.0.0."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified)


def _is_random(word: str) -> bool:
    """Tell whether a long word looks drawn: digits among letters that make no words, unlike a path or a name."""
    digits = sum(sign.isdigit() for sign in word)
    if re.fullmatch(r"[0-9A-Fa-f]+", word):
        return 0 < digits < len(word)
    longest = max(map(len, re.split(r"[/_+-]", word)))
    wordlike = sum(map(len, re.findall(r"[A-Za-z][a-z]{3,}", word))) / len(word)
    has_both_cases = word != word.lower() and word != word.upper()
    enough = (1, 12) if has_both_cases else (4, 20)
    return digits >= enough[0] and longest >= enough[1] and wordlike < 0.5
