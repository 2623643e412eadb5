"""Plausible forms for every kind of letter and mail, in both languages, as a browser would send them."""

from __future__ import annotations

SENDER = {
    "en": {
        "sender_name": "Alex Morgan",
        "sender_address": "12 Mill Lane\nYORK\nYO1 7AA",
        "sender_phone": "01904 000 000",
        "sender_email": "alex.morgan@example.org",
    },
    "fr": {
        "sender_name": "Camille Dupré",
        "sender_address": "8 bis, quai Saint-Antoine\n69002 LYON",
        "sender_phone": "04 72 00 00 00",
        "sender_email": "camille.dupre@example.org",
    },
}
_LETTER = {
    "en": {
        "recipient_name": "Harbour & Sons Ltd",
        "recipient_address": "Customer Services\n4 Dock Street\nLEEDS\nLS1 4AB",
        "place": "York",
        "date": "2026-11-22",
        "reference": "HS/2026/118",
        "enclosures": "Copy of the invoice\nTwo photographs",
    },
    "fr": {
        "recipient_name": "Maison Aubert & Fils",
        "recipient_address": "Service clients\n12, rue de la République\n69002 LYON",
        "place": "Lyon",
        "date": "2026-12-01",
        "reference": "MA/2026/118",
        "enclosures": "Copie de la facture\nDeux photographies",
    },
}
_EMAIL = {"en": {"recipient_email": "desk@example.com"}, "fr": {"recipient_email": "accueil@example.com"}}
_ADDRESSEE = {
    "en": {"civility": "ms", "addressee": "Hargreaves"},
    "fr": {"civility": "ms", "addressee": "la Directrice"},
}

_OWN = {
    "formal_letter": {
        "en": {
            "matter": "Street lighting in Mill Lane",
            "background": "Four of the six lamps have been out since 3 October.\nTwo neighbours have fallen.",
            "request": "have them repaired before the winter",
            "reply_by": "2026-12-15",
        },
        "fr": {
            "matter": "Éclairage public du quai Saint-Antoine",
            "background": "Quatre lampadaires sur six sont éteints depuis le 3 octobre.\nDeux voisins sont tombés.",
            "request": "faire procéder à leur réparation avant l'hiver",
            "reply_by": "2026-12-15",
        },
    },
    "complaint": {
        "en": {
            "product": "a kettle",
            "order_number": "88*120*B_7",
            "order_date": "2026-11-03",
            "problem": "It does not heat.\nThe lid does not close either.",
            "remedy": "refund",
            "amount": "£49.90",
            "days": "14",
            "registered": "true",
        },
        "fr": {
            "product": "une bouilloire",
            "order_number": "88*120*B_7",
            "order_date": "2026-11-03",
            "problem": "Elle ne chauffe pas.\nLe couvercle ne ferme pas non plus.",
            "remedy": "refund",
            "amount": "49,90\u00a0€",
            "days": "14",
            "registered": "true",
        },
    },
    "cancellation": {
        "en": {
            "contract": "home insurance policy",
            "contract_number": "4711-B",
            "customer_number": "C <20418> &amp;",
            "end_date": "2027-01-31",
            "notice": "2",
            "reason": "moving",
            "stop_payments": "true",
            "registered": "true",
        },
        "fr": {
            "contract": "assurance habitation",
            "contract_number": "4711-B",
            "customer_number": "C <20418> &amp;",
            "end_date": "2027-02-01",
            "notice": "2",
            "reason": "moving",
            "stop_payments": "true",
            "registered": "true",
        },
    },
    "cover_letter": {
        "en": {
            "position": "archivist",
            "source": "on your website",
            "experience": "I have catalogued the papers of two town councils.",
            "motivation": "Your collection of maps is the reason why I took up this work.",
            "available_from": "2027-03-01",
        },
        "fr": {
            "position": "archiviste",
            "source": "sur votre site",
            "experience": "J'ai classé les fonds de deux mairies.",
            "motivation": "Votre collection de cartes est à l'origine de mon choix de ce métier.",
            "available_from": "2027-03-01",
        },
    },
    "payment_reminder": {
        "en": {
            "invoice_number": "2026-0917",
            "invoice_date": "2026-09-17",
            "amount": "£1,250.00",
            "due_date": "2026-10-17",
            "stage": "second",
            "days": "8",
            "payment_details": "York Bank, 00-00-00 12345678",
        },
        "fr": {
            "invoice_number": "2026-0917",
            "invoice_date": "2026-09-17",
            "amount": "1\u00a0250,00\u00a0€",
            "due_date": "2026-10-17",
            "stage": "second",
            "days": "8",
            "payment_details": "Banque du Rhône, FR76 0000 0000 0000",
        },
    },
    "information_request": {
        "en": {
            "topic": "your evening courses",
            "questions": "When do they begin?\nWhat do they cost?",
            "purpose": "I would like to learn bookbinding",
            "documents": "true",
            "reply_by": "2026-12-15",
        },
        "fr": {
            "topic": "vos cours du soir",
            "questions": "Quand commencent-ils ?\nQuel est leur prix ?",
            "purpose": "J'aimerais apprendre la reliure",
            "documents": "true",
            "reply_by": "2026-12-15",
        },
    },
    "apology": {
        "en": {
            "event": "the late delivery",
            "event_date": "2026-11-12",
            "explanation": "A van broke down on the way.",
            "amends": "The carriage will be credited to you.",
        },
        "fr": {
            "event": "le retard de la livraison",
            "event_date": "2026-11-12",
            "explanation": "Un camion est tombé en panne en chemin.",
            "amends": "Les frais de port vous seront crédités.",
        },
    },
    "announcement": {
        "en": {
            "headline": "New opening hours",
            "details": "We answer your calls an hour earlier.",
            "starts_on": "2027-01-04",
            "consequences": "Telephone from 8 am\nCounter from 9 am",
            "contact": "the front desk",
        },
        "fr": {
            "headline": "Nouveaux horaires",
            "details": "Nous répondons à vos appels une heure plus tôt.",
            "starts_on": "2027-01-04",
            "consequences": "Téléphone dès 8 heures\nGuichet dès 9 heures",
            "contact": "l'accueil",
        },
    },
    "thanks": {
        "en": {
            "occasion": "your hospitality",
            "event_date": "2026-11-20",
            "effect": "The evening gave me new ideas.",
            "meet_again": "true",
        },
        "fr": {
            "occasion": "votre accueil",
            "event_date": "2026-11-20",
            "effect": "Cette soirée m'a donné de nouvelles idées.",
            "meet_again": "true",
        },
    },
    "reference_request": {
        "en": {
            "purpose": "my application to the School of Design",
            "relation": "in the spring of 2025",
            "points": "the exhibition\nthe catalogue",
            "needed_by": "2027-01-10",
        },
        "fr": {
            "purpose": "ma candidature à l'École de design",
            "relation": "au printemps 2025",
            "points": "l'exposition\nle catalogue",
            "needed_by": "2027-01-10",
        },
    },
    "address_change": {
        "en": {
            "old_address": "12 Mill Lane\nYORK",
            "new_address": "3 Castle Hill\nLINCOLN",
            "moving_date": "2027-02-01",
            "customer_number": "C <20418> &amp;",
            "new_phone": "01522 000 000",
            "confirm": "true",
        },
        "fr": {
            "old_address": "8 bis, quai Saint-Antoine\n69002 LYON",
            "new_address": "3, place du Château\n21000 DIJON",
            "moving_date": "2027-02-01",
            "customer_number": "C <20418> &amp;",
            "new_phone": "03 80 00 00 00",
            "confirm": "true",
        },
    },
    "leave_request": {
        "en": {
            "leave": "training",
            "first_day": "2027-04-12",
            "last_day": "2027-04-16",
            "working_days": "5",
            "reason": "The course is about bindings",
            "replacement": "Sam Field",
        },
        "fr": {
            "leave": "training",
            "first_day": "2027-04-12",
            "last_day": "2027-04-16",
            "working_days": "5",
            "reason": "La formation porte sur la reliure",
            "replacement": "Dominique Petit",
        },
    },
    "meeting_invitation": {
        "en": {
            "meeting": "the new catalogue",
            "meeting_date": "2026-12-03",
            "start_time": "10.30 am",
            "duration": "45",
            "location": "Room 2",
            "agenda": "Cover\nPrices",
            "reply_by": "2026-11-30",
        },
        "fr": {
            "meeting": "le nouveau catalogue",
            "meeting_date": "2026-12-03",
            "start_time": "10 h 30",
            "duration": "45",
            "location": "salle 2",
            "agenda": "Couverture\nPrix",
            "reply_by": "2026-11-30",
        },
    },
    "follow_up": {
        "en": {
            "topic": "my application of 2 May",
            "sent_on": "2026-05-02",
            "news": "I have since finished my training.",
            "question": "Has a decision been taken",
            "reply_by": "2026-06-10",
        },
        "fr": {
            "topic": "ma candidature du 2 mai",
            "sent_on": "2026-05-02",
            "news": "J'ai depuis terminé ma formation.",
            "question": "Une décision a-t-elle été prise",
            "reply_by": "2026-06-10",
        },
    },
}
KINDS = tuple(_OWN)


def fill_form(kind: str, language: str) -> dict[str, str]:
    """Give all that a tester might fill in for a kind, some of which its form may not ask for."""
    return {**_LETTER[language], **_EMAIL[language], **_ADDRESSEE[language], **_OWN[kind][language]}
