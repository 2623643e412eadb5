"""What a new assistant begins with: the smallest definition of each kind that is right, to be changed."""

from __future__ import annotations

from chatbot.assistants.definition import Kind

HEAD = "# yaml-language-server: $schema=../../docs/assistant.schema.json\n"
DOCUMENTATION = """title:
  en: New assistant
  fr: Nouvel assistant
description:
  en: Answers questions from the documentation.
  fr: Répond aux questions d'après la documentation.
greeting:
  en: What would you like to know?
  fr: Que voulez-vous savoir ?
prompt: |
  You answer questions from the documentation, and from nothing else.
  Be short and direct.
passages: 5
history: 3
"""
WRITER = """kind: writer
title:
  en: New writer
  fr: Nouveau rédacteur
description:
  en: Writes letters from a form.
  fr: Rédige des lettres à partir d'un formulaire.
prompt: |
  You write letters that are clear, polite and complete.
form:
  - name: sender_name
    label: {en: Your name, fr: Votre nom}
    stays_in_browser: true
  - name: recipient_name
    label: {en: Recipient, fr: Destinataire}
    required: true
  - name: date
    type: date
    label: {en: Date, fr: Date}
    default: today
documents:
  - name: note
    title: {en: Note, fr: Mot}
    layout: letter
    form:
      - name: matter
        type: long_text
        label: {en: What it is about, fr: De quoi il s'agit}
        required: true
    instructions: |
      A short note about the matter.
    subject: {en: A note, fr: Un mot}
    text:
      en: |
        Dear {{ recipient_name }},

        {{ matter }}

        Yours sincerely,
      fr: |
        Bonjour {{ recipient_name }},

        {{ matter }}

        Bien cordialement,
    formats: [docx, odt, pdf]
"""
STORY = """kind: story
title:
  en: New storyteller
  fr: Nouveau conteur
description:
  en: Tells stories from a form.
  fr: Raconte des histoires à partir d'un formulaire.
prompt: |
  You tell stories to be read aloud, warm and vivid, with an end that comforts.
form:
  - name: hero
    label: {en: Hero, fr: Héros}
    required: true
  - name: age
    type: number
    label: {en: Age of the reader, fr: Âge du lecteur}
    min: 3
    max: 99
    default: 6
"""
PATTERNS: dict[Kind, str] = {
    "documentation": HEAD + DOCUMENTATION,
    "writer": HEAD + WRITER,
    "story": HEAD + STORY,
}
