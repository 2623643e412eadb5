"""What of the log lines a command shows."""

from __future__ import annotations

from chatbot.settings import Settings
from chatbot.telemetry import configure_logging


def configure_command_logging(settings: Settings) -> None:
    """Show only what a command does not say by itself: everything at `LOG_LEVEL=DEBUG`, else nothing but errors.

    A warning of the service's, such as that of a failed answer, would repeat the command's own line.
    """
    level = "DEBUG" if settings.log_level == "DEBUG" else "CRITICAL"
    configure_logging(level, settings.log_format or "text", settings.log_file)
