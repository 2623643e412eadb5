"""The one tree of errors.

GuichetError
├── SettingsError                 a setting or file of the operator's is wrong; met at the start
├── UsageError                    a command was called with values that do not go together
├── CodeError                     a beta code cannot be made or revoked as it was asked
├── EditConflict                  two edit the same thing at once; the second is told
├── BrokenTemplate                an office template that an admin gave cannot be taken
├── RequestError                  the tester's side: what was asked cannot be done as it was asked
│   ├── EmptyMessage, MessageTooLong, InvalidRequest
│   │   ├── InvalidForm           names each field that is filled in wrongly
│   │   ├── NotPermitted          the account's role may not do this
│   │   └── WrongDefinition       names each fault in an assistant's definition
│   ├── NotLoggedIn, WrongPassword, OriginNotAllowed
│   ├── UnknownThread, UnknownMessage, UnknownAssistant, UnknownPrompt
│   ├── ThreadBusy, IdempotencyMismatch
│   ├── SessionExpired, SessionFull
│   └── RateLimited
├── ServiceError                  our side
│   ├── StoreUnavailable          the store cannot be opened, read or written
│   │   └── StorageFull           the disk is full
│   ├── AssistantUnavailable      it needs what is not configured, such as a language model
│   ├── TooBusy                   as many answers are being written as the house takes
│   ├── Interrupted               the service ended while the answer was being written
│   ├── Starting                  asked before the start is over
│   ├── LogUnavailable            there is no published log, or it cannot be read
│   ├── TunnelUnavailable         the public link of --share cannot be opened
│   └── ReportFailed              a report could not be laid out
└── ProviderError                 the model's side: torn, empty or unfinished answer
    ├── ProviderRejected          key, quota, content filter
    ├── ProviderUnavailable       not reachable, or out of order
    └── ProviderTimeout           no progress within MODEL_TIMEOUT, or not done within MODEL_DEADLINE

Every class carries the `code` that the HTTP interface, the log and the pages use.
"""

from __future__ import annotations


class GuichetError(Exception):
    """Carry a message for people: it names the value and the remedy."""

    code = "internal_error"
    origin = "service"

    @property
    def public(self) -> str:
        """What of it may be told to anyone."""
        return str(self)


class SettingsError(GuichetError):
    """Name every wrong setting at once.

    Args:
        faults: one sentence per fault, each with the variable, its value and what is allowed.
    """

    code = "settings_invalid"

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UsageError(GuichetError):
    """Values of a command do not go together."""

    code = "usage"


class CodeError(GuichetError):
    """A beta code cannot be made or revoked as it was asked."""

    code = "code_invalid"


class BrokenTemplate(GuichetError):
    """An office template cannot be taken: the file, the place in it, what is wrong there, the remedy.

    Args:
        fault: sentences for people, with the remedy.
        place: where in the file, as its author sees it; empty = the file as a whole.
        field: the wrong field as it is written there; empty where no field is wrong.
        filename: under which it came.
    """

    code = "broken_template"

    def __init__(self, fault: str, *, place: str = "", field: str = "", filename: str = "") -> None:
        where = ", ".join(part for part in (filename, place, field) if part)
        super().__init__(f"{where}: {fault}" if where else fault)
        self.fault = fault
        self.place = place
        self.field = field
        self.filename = filename


class EditConflict(GuichetError):
    """Somebody else has saved or published since; nothing was overwritten."""

    code = "edit_conflict"


class RequestError(GuichetError):
    """What was asked cannot be done as it was asked."""

    code = "invalid_request"
    origin = "tester"


class InvalidRequest(RequestError):
    """A field is missing or has a value that is not allowed."""


class InvalidForm(InvalidRequest):
    """A form is filled in wrongly.

    Args:
        fields: a sentence per field, in the reader's language.
    """

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        super().__init__(message)
        self.fields = fields


class NotPermitted(InvalidRequest):
    """The account's role may not do what was asked."""


class WrongDefinition(InvalidRequest):
    """An assistant's definition cannot be taken.

    Args:
        faults: one sentence per fault, with its line and field.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class EmptyMessage(RequestError):
    """The message is only white space or invisible characters."""

    code = "empty_message"


class MessageTooLong(RequestError):
    """The message has more characters than one message may have."""

    code = "message_too_long"

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(
            f"The message has {length} characters; at most {limit} are allowed. Shorten it and send it again."
        )
        self.length = length
        self.limit = limit


class NotLoggedIn(RequestError):
    """No valid login came with the request."""

    code = "not_logged_in"


class WrongPassword(RequestError):
    """The password is neither the shared one nor a code in force."""

    code = "wrong_password"


class OriginNotAllowed(RequestError):
    """A page of an origin that is not in ALLOWED_ORIGINS asked for a change."""

    code = "origin_not_allowed"


class UnknownThread(RequestError):
    """There is no such thread, or it is somebody else's."""

    code = "unknown_thread"


class UnknownMessage(RequestError):
    """There is no such message, or it is somebody else's."""

    code = "unknown_message"


class UnknownAssistant(RequestError):
    """There is no assistant of this name."""

    code = "unknown_assistant"


class UnknownPrompt(RequestError):
    """There is no such story prompt, or it is somebody else's."""

    code = "unknown_prompt"


class ThreadBusy(RequestError):
    """The previous answer of this thread is still being written."""

    code = "busy"


class IdempotencyMismatch(RequestError):
    """An idempotency key came again with another body."""

    code = "idempotency_mismatch"


class SessionExpired(RequestError):
    """The time of this thread's session is over."""

    code = "session_expired"


class SessionFull(RequestError):
    """A message would pass a limit of this thread's session.

    Args:
        limit: `MAX_MESSAGES` or `MAX_CHARACTERS`.
    """

    code = "session_full"

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class RateLimited(RequestError):
    """Too many calls in too short a time.

    Args:
        retry_after_s: seconds until a call can succeed again.
        rate: what is allowed, such as `30/minute`.
        deed: what was done too often, by its name among limiters.
    """

    code = "rate_limited"

    def __init__(self, message: str, retry_after_s: int, *, rate: str, deed: str) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.rate = rate
        self.deed = deed


class ServiceError(GuichetError):
    """Something on our side failed."""


class StoreUnavailable(ServiceError):
    """The store cannot be opened, read or written; where it is and what it says is for the team."""

    code = "store_unavailable"

    @property
    def public(self) -> str:
        """What of it may be told to anyone."""
        return "Conversations cannot be kept right now. This is on our side: try again in a moment."


class StorageFull(StoreUnavailable):
    """The disk that holds the store is full."""

    code = "storage_full"

    @property
    def public(self) -> str:
        """What of it may be told to anyone."""
        return "The service has run out of storage. This is on our side: tell the team."


class AssistantUnavailable(ServiceError):
    """The assistant needs what is not configured, such as a language model."""

    code = "assistant_unavailable"


class TooBusy(ServiceError):
    """As many answers are being written as MAX_STREAMS allows.

    Args:
        retry_after_s: seconds after which to try again.
    """

    code = "too_busy"

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Interrupted(ServiceError):
    """The service ended while the answer was being written; what had come is kept."""

    code = "interrupted"


class Starting(ServiceError):
    """The service was asked before its start was over."""

    code = "starting"


class LogUnavailable(ServiceError):
    """There is no published log, or it cannot be read."""

    code = "log_unavailable"


class TunnelUnavailable(ServiceError):
    """The public link of `--share` cannot be opened."""

    code = "tunnel_unavailable"


class ReportFailed(ServiceError):
    """A report could not be laid out."""

    code = "report_failed"


class ProviderError(GuichetError):
    """The model's answer was torn, empty or unfinished."""

    code = "provider_error"
    origin = "provider"


class ProviderRejected(ProviderError):
    """The provider refused: key, quota or content filter."""

    code = "provider_rejected"


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached or is out of order."""

    code = "provider_unavailable"


class ProviderTimeout(ProviderError):
    """The provider made no progress within the time allowed."""

    code = "provider_timeout"
