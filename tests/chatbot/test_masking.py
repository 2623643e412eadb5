"""What points at a person or opens a door is masked; what only looks so stays readable."""

from __future__ import annotations

import pytest

from chatbot.masking import make_pseudonym, mask_text

# Pieces of keys are joined here, so that no scanner takes this file for a leak.
DRAWN = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9v"

MASKED = [
    ("Write to jane.doe+beta@mail.example.co.uk.", "Write to [e-mail]."),
    ("élise@exemple.fr, merci", "[e-mail], merci"),
    ("mailto:a_b%c@x-y.org", "mailto:[e-mail]"),
    ("Appelez le 06 12 34 56 78.", "Appelez le [phone]."),
    ("tél. 01.23.45.67.89 ou 0612345678", "tél. [phone] ou [phone]"),
    ("06\u202f12\u202f34\u202f56\u202f78", "[phone]"),
    ("+33 6 12 34 56 78", "[phone]"),
    ("+33 (0)6 12 34 56 78", "[phone]"),
    ("0033 1 23 45 67 89", "[phone]"),
    ("+44 20 7946 0958 or +49-30-901820", "[phone] or [phone]"),
    ("+1-202-555-0143, (555) 234-5678", "[phone], [phone]"),
    ("FR14 2004 1010 0505 0001 3M02 606 est le mien", "[iban] est le mien"),
    ("GB82WEST12345698765432", "[iban]"),
    ("de89 3704 0044 0532 0130 00", "[iban]"),
    ("My card: 4111 1111 1111 1111!", "My card: [card]!"),
    ("5500-0000-0000-0004", "[card]"),
    ("378282246310005", "[card]"),
    ("from 192.168.0.17:4180", "from [ip]:4180"),
    ("2001:db8::8a2e:370:7334 and fe80::1", "[ip] and [ip]"),
    ("fe80:0:0:0:200:f8ff:fe21:67cf", "[ip]"),
    ("::ffff:192.0.2.128", "[ip]"),
    (f"OPENAI_API_KEY=sk-proj-{DRAWN}", "OPENAI_API_KEY=[key]"),
    (f"{'gh'}p_{DRAWN}1234", "[key]"),
    ("AKI" + "AIOSFODNN7EXAMPLE", "[key]"),
    (f"xox{'b'}-123456-{DRAWN}", "[key]"),
    (f"glpat-{DRAWN}", "[key]"),
    (f"Authorization: Bearer {DRAWN}", "Authorization: Bearer [key]"),
    (f"eyJhbGciOiJIUzI1NiJ9.{DRAWN}.{DRAWN}", "[key]"),
    ("password=hunter22", "password=[key]"),
    ("mot de passe : tulipe42", "mot de passe : [key]"),
    ('"client_secret": "s3cr3t-value"', '"client_secret": "[key]"'),
    (f"-----BEGIN RSA PRIVATE KEY-----\n{DRAWN}\n-----END RSA PRIVATE KEY-----", "[key]"),
    ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "[key]"),
    (f"x {DRAWN}{DRAWN} y", "x [key] y"),
    # As people really write: other gaps, other hands, other places.
    ("Tél.06 12 34 56 78", "Tél.[phone]"),
    ("(06) 12 34 56 78", "[phone]"),
    ("06  12  34  56  78", "[phone]"),
    ("06–12–34–56–78 or 06_12_34_56_78", "[phone] or [phone]"),
    ("0 800 123 456, 06 12 345 678", "[phone], [phone]"),
    ("00 33 6 12 34 56 78", "[phone]"),
    ("33612345678", "[phone]"),
    ("079 123 45 67, 020 7946 0958, 07911 123456", "[phone], [phone], [phone]"),
    ("+1 202 555 0143 12 apples", "[phone] 12 apples"),
    ("01/02/2026 06 12 34 56 78", "01/02/2026 [phone]"),
    ("０６ １２ ３４ ５６ ７８", "[phone]"),
    ("jane＠example.org, ja\u200bne@example.org", "[e-mail], [e-mail]"),
    ("jane (at) example (dot) org, jane[arobase]example.org", "[e-mail], [e-mail]"),
    ("?mail=jane%40example.org", "?mail=[e-mail]"),
    ("jane@example.xn--p1ai and jane@example.org2", "[e-mail] and [e-mail]"),
    ('"jane doe"@example.org', "[e-mail]"),
    ("FR 14 2004 1010 0505 0001 3M02 606", "[iban]"),
    ("FR14.2004.1010.0505.0001.3M02.606", "[iban]"),
    ("FR14  2004  1010\n0505  0001  3M02  606", "[iban]"),
    ("IBANFR1420041010050500013M02606", "IBAN[iban]"),
    ("CH 12 FR14 2004 1010 0505 0001 3M02 606", "CH 12 [iban]"),
    ("4111.1111.1111.1111, 4111  1111  1111  1111", "[card], [card]"),
    ("4111 1111 1111 1111 12/26 123", "[card] 12/26 123"),
    ("1 4111 1111 1111 1111", "1 [card]"),
    ("ip:2001:db8::1, [2001:db8::2]:443", "ip:[ip], [[ip]]:443"),
    ("fe80::1%eth0", "[ip]%eth0"),
    ("192.168.000.017", "[ip]"),
    (f"https://example.org/?key={DRAWN}&page=2", "https://example.org/?key=[key]&page=2"),
    ("postgresql://app:s3cr3tpw@db/app", "postgresql://[key]@db/app"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [key]"),
    (f"https://hooks.slack.com/services/T0000/B0000/{DRAWN}", "https://hooks.slack.com/services/[key]"),
    ("wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY", "[key]"),
    (f"ya29.{DRAWN}, hvs.{DRAWN}", "[key], [key]"),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ-O\n-----END PGP PRIVATE KEY BLOCK-----", "[key]"),
    (f"-----BEGIN PRIVATE KEY-----\n{DRAWN * 400}\n-----END PRIVATE KEY-----", "[key]"),
    ("my password is hunter22", "my password is [key]"),
    ("le mot de passe est « Tulipe42 »", "le mot de passe est « [key] »"),
    ("mdp: azerty", "mdp: [key]"),
    ("PASSWORD='tulips in 4 gardens'", "PASSWORD=[key]"),
    ("password=$ecretPa55", "password=[key]"),
    ("clé API : abcd1234efgh", "clé API : [key]"),
    ("8KSVX-DDV8G-WR780-VWAJ6", "[key]"),
    ("mdp wifi : Tulipe2024!", "mdp wifi : [key]"),
    ("le mdp c'est Tulipe2024", "le mdp c'est [key]"),
    ("curl -u jane:tulip https://example.org", "curl -u [key] https://example.org"),
    ("https://hooks.slack.com/services/T024BE7LD/x9Kq2", "https://hooks.slack.com/services/[key]"),
    # As programs write: escaped, encoded, within an address.
    (
        '"a\\n0612345678\\tFR1420041010050500013M02606\\n81.2.69.142\\njane@example.org"',
        '"a\\n[phone]\\t[iban]\\n[ip]\\n[e-mail]"',
    ),
    ("?tel=%2B33612345678&page=2", "?tel=[phone]&page=2"),
]

KEPT = [
    "The port is 4180, the temperature 96.",
    "FR15 2004 1010 0505 0001 3M02 606",
    "4111 1111 1111 1112",
    "10.0.0.256 and 1.2.3",
    "At 12:30:45 on 2025-03-01T12:30:45.123456",
    "std::vector<int> a::b",
    "0192f5a1-7c3b-7e44-9a10-1c2d3e4f5a6b",
    "docs/en/installing_teapot_on_your_machine/and-more/page.html",
    "MAX_SESSION_DURATION=3600, max_tokens: 20000000",
    "BETA_PASSWORD=CHANGE_ME",
    "password: optional",
    "I forgot my password, what can I do?",
    "1 000 000 000 000 euros",
    "a ratio of 0.123456789012345",
    "@teapot @media (max-width: 600px)",
    "npm install @scope/package@1.2.3-beta",
    "1763807208123",
    "0 1 2 3 4 5 6 7 8 9 10 11 12",
    "on 01/02/2026 10:30, 01.02.2026 12 people, backup-2026-03-14-15-09-26",
    "steps 01 02 03 04 05",
    "+1 000 000, +25 000 000 euros",
    "SIRET 732 829 320 00074",
    "version 1.2.3.4, section 4.1.2.3, §4.1.2.3",
    "127.0.0.1:7860, http://[::1]:7860, 0.0.0.0",
    "x[1::2]",
    "password of the team: at least 12 characters, password in settings: BETA_PASSWORD",
    "docker run -u 1000:1000, curl -u $NAME:$PASSWORD",
    r"C:\new\table 3\name.txt, \d{3}\n",
    "10000000-2000-4000-8000-123456789012",
    "DE 22 rows of this table have a value",
    "Authorization: Bearer YOUR_TOKEN, -H 'Authorization: Bearer $TOKEN'",
    "bearer authentication, OPENAI_API_KEY=your-key, OPENAI_API_KEY=sk-...",
    "token_count: 123456, password_file=/run/secrets/password",
    "password: Optional[str], password = os.environ['PASSWORD']",
    "the password is generated",
    "sk-estimators-and-transformers, xoxo-much-love-to-all",
    "GenericAbstractFactoryBeanProcessor2Impl3Test4Runner",
    "postgresql://USER:PASSWORD@HOST/DATABASE",
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_personal_data_and_keys_are_masked(text: str, expected: str) -> None:
    """Each kind is found in the forms it is written in, and nothing around it is lost."""
    assert mask_text(text) == expected
    assert mask_text(f"See: {text} (thanks)") == f"See: {expected} (thanks)"


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_alike_is_kept(text: str) -> None:
    """Checksums that fail, times, versions, paths, settings and questions about passwords stay readable."""
    assert mask_text(text) == text


def test_masking_again_changes_nothing() -> None:
    """What was masked holds nothing more to mask."""
    whole = "\n".join(text for text, _ in MASKED)
    once = mask_text(whole)
    assert mask_text(once) == once


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "a@",
        "1 ",
        "1.1.",
        "password",
        ":",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "@a.",
        "FR14 ",
        "+1 ",
        "sk-",
        "f:",
        "4111 ",
        "06/",
        "01.02.2026 ",
        "http://a:",
        "--password ",
        "DE89 ",
        "curl -u a:",
    ],
)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    """No pattern goes back over all of a text that almost matches again and again: a square of it would take hours."""
    assert "jane" not in mask_text(f"{piece * 20_000} jane@example.org")


def test_stand_ins_are_stable_and_salted() -> None:
    """The same label has the same stand-in under a salt, another under another, and another as another kind."""
    salt, other = b"s" * 32, b"t" * 32
    assert make_pseudonym(salt, "tester", "alpha-1") == make_pseudonym(salt, "tester", "alpha-1")
    names = {
        make_pseudonym(salt, "tester", "alpha-1"),
        make_pseudonym(salt, "tester", "alpha-2"),
        make_pseudonym(other, "tester", "alpha-1"),
        make_pseudonym(salt, "code", "alpha-1"),
    }
    assert len(names) == 4
    assert all("alpha" not in name for name in names)
