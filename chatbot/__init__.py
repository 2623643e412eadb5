"""The package behind both apps: knowledge, models, conversation, store, log and reports."""
