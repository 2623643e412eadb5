"""Masks what points at a person, or opens a door, in free text: by patterns, and by checksums where there are any.

Found are e-mail addresses, IBANs (ISO 13616, checked by mod 97), payment card numbers (ISO/IEC 7812, checked by Luhn's
formula), telephone numbers written the French or the international way, IP addresses of both versions, and keys:
those with a prefix of their issuer's, JSON web tokens, private keys, what follows `password=` and its like, and long
random words. Names of people in running text are not found, nor is anything else that has no form of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable

# Raised whenever a pattern changes: files masked by other rules are made anew.
MASKING_VERSION = 1

# Text is normalized to NFC, and no pattern looks back over more than its own piece: linear on hostile text.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.{0,5000}?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL
)
WEB_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{8,4000}\.[\w-]{8,8000}(?:\.[\w-]{0,4000})?(?![\w-])")
# Prefixes as their issuers document them: OpenAI, Stripe, GitHub, GitLab, Slack, AWS, Google, Hugging Face, npm, PyPI,
# SendGrid, DigitalOcean and the many that begin with "sk-".
PREFIXED_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[\w-]{16,400}|[spr]k_(?:live|test)_\w{10,200}|whsec_\w{16,200}|gh[pousr]_\w{20,255}|github_pat_\w{20,255}"
    r"|glpat-[\w-]{16,100}|xox[abeoprs]-[\w-]{10,250}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,50}|hf_\w{20,100}"
    r"|npm_\w{30,60}|pypi-[\w-]{16,400}|SG\.[\w-]{16,40}\.[\w-]{16,80}|dop_v1_\w{40,80}"
    r")"
)
BEARER = re.compile(r"(?i)(\bbearer\s{1,4})([\w.~+/-]{12,4000}={0,2})")
# `password: hunter2`, `API_KEY=…`, `mot de passe : …`; what is plainly a placeholder stays readable.
ASSIGNED = re.compile(
    r"(?i)(\b[\w-]{0,40}?(?:password|passwd|passphrase|pwd|secret|token(?!s)|api[_ -]?key|access[_ -]?key"
    r"|mot de passe|mdp)[\w-]{0,40}[\"'`]{0,2}\s{0,3}[=:]\s{0,3}[\"'`]{0,2})([^\s\"'`<>{}$,;]{6,400})"
)
LONG_WORD = re.compile(r"(?<![\w/+.-])[A-Za-z0-9_+/-]{32,400}={0,2}(?![\w/+-])")
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0\u202f-]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
CARD = re.compile(r"(?<![\d.,])(?<!\d[ \u00a0-])\d(?:[ \u00a0\u202f-]?\d){12,18}(?![ \u00a0-]?\d)")
PHONE_SPACE = "[ \u00a0\u202f.\\-/]"
PHONE = re.compile(
    r"(?<![\w+.])(?:"
    # +33 6 12 34 56 78, +44 (0)20 7946 0958, 0033 6…: seven to fifteen digits, by ITU-T E.164.
    rf"(?:\+|00)[1-9]\d{{0,2}}(?:{PHONE_SPACE}{{0,2}}\(0\))?(?:{PHONE_SPACE}{{0,2}}\(?\d{{1,5}}\)?){{2,7}}"
    # 06 12 34 56 78, 01.23.45.67.89, 0612345678, by the French numbering plan.
    rf"|0[1-9](?:{PHONE_SPACE}?\d{{2}}){{4}}"
    # (555) 123-4567, 555-123-4567, by the North American numbering plan.
    r"|\([2-9]\d{2}\)\s?[2-9]\d{2}[-. ]\d{4}|[2-9]\d{2}[-.][2-9]\d{2}[-.]\d{4}"
    r")(?![\w]|[.,-]\d)"
)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,30}::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:])"
)

# Where none of these stands no pattern can match: most of the text is passed over at once.
SUSPICIOUS = re.compile(
    r"@|\d[\d .\-/\u00a0\u202f]{5}|\d\.\d|::|:[0-9A-Fa-f]{1,4}:|-----BEGIN|eyJ|[A-Za-z0-9_+/-]{16}"
    r"|(?i:bearer|passw|passphrase|pwd|secret|token|api[_ -]?key|access[_ -]?key|mot de passe|mdp|AKIA|ASIA"
    r"|[A-Z]{2}\d{2})"
)


def mask_text(text: str) -> str:
    """Give a text with what was found replaced by its kind in brackets, such as `[e-mail]`."""
    if not SUSPICIOUS.search(text):
        return text
    text = PRIVATE_KEY.sub("[key]", text)
    text = WEB_TOKEN.sub("[key]", text)
    text = PREFIXED_KEY.sub("[key]", text)
    text = BEARER.sub(r"\1[key]", text)
    text = EMAIL.sub("[e-mail]", text)
    text = ASSIGNED.sub(_mask_assigned, text)
    text = IBAN.sub(_mask_if("[iban]", _find_iban), text)
    text = LONG_WORD.sub(_mask_if("[key]", lambda word: len(word) if _is_random(word) else 0), text)
    text = IPV6.sub(_mask_if("[ip]", _find_address), text)
    text = IPV4.sub(_mask_if("[ip]", _find_address), text)
    text = CARD.sub(_mask_if("[card]", lambda number: len(number) if _is_card(number) else 0), text)
    return PHONE.sub(_mask_if("[phone]", _find_phone), text)


def make_pseudonym(salt: bytes, kind: str, label: str) -> str:
    """Give a label's stand-in: the same for the same salt, and not to be turned back without it (HMAC-SHA256)."""
    digest = hmac.new(salt, f"{kind}\0{label}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{kind}-{digest[:16]}"


def _mask_if(mask: str, measure: Callable[[str], int]) -> Callable[[re.Match[str]], str]:
    """Build a replacement of the first characters of a match, as many as `measure` says; 0 leaves it."""

    def replace(match: re.Match[str]) -> str:
        length = measure(match[0])
        return mask + match[0][length:] if length else match[0]

    return replace


def _mask_assigned(match: re.Match[str]) -> str:
    value = match[2]
    # MASKED already, a heading ("password: the setting …") or the name of a variable tells nothing.
    is_word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    is_name = re.fullmatch(r"[A-Z][A-Z0-9_]*", value) is not None
    if value.startswith(("[", "*")) or is_name or (is_word and ":" in match[1] and "=" not in match[1]):
        return match[0]
    return f"{match[1]}[key]"


def _find_iban(text: str) -> int:
    """Give the length of the longest beginning that is an IBAN: the words after it may look like more of it."""
    for end in range(len(text), 14, -1):
        if text[end - 1].isalnum() and not text[end : end + 1].isalnum() and _is_iban(text[:end]):
            return end
    return 0


def _is_iban(text: str) -> bool:
    code = re.sub(r"[^A-Za-z0-9]", "", text).upper()
    if not 15 <= len(code) <= 34:
        return False
    digits = "".join(str(int(sign, 36)) for sign in code[4:] + code[:4])
    return int(digits) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _find_phone(text: str) -> int:
    digits = sum(sign.isdigit() for sign in text)
    if 7 <= digits <= 17:
        return len(text.rstrip(" \u00a0\u202f.-/("))
    return 0


def _find_address(text: str) -> int:
    """Give the length of an IP address; colons of a sentence's at its end do not belong to it."""
    address = text if text.endswith("::") else text.rstrip(":")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return 0
    # `::` and `a::b` are names of a programming language; an address of letters alone has more groups than two.
    is_address = any(sign.isdigit() for sign in address) or len(re.findall(r"[^:]+", address)) > 2
    return len(address) if is_address else 0


def _is_random(word: str) -> bool:
    """Tell whether a long word looks drawn: letters and digits mixed throughout, unlike a path or a name."""
    if re.fullmatch(r"[0-9A-Fa-f]+", word):
        return any(sign.isdigit() for sign in word) and any(sign.isalpha() for sign in word)
    digits = sum(sign.isdigit() for sign in word)
    has_both_cases = word != word.lower() and word != word.upper()
    parts = re.split(r"[/_+-]", word)
    return digits >= 3 and has_both_cases and max(map(len, parts)) >= 12
