"""What goes wrong."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Mapping, Optional


class CourierXError(Exception):
    """Everything that goes wrong is one of these."""

    #: The HTTP status, if there was an answer.
    status: Optional[int]
    #: The error for programs, such as ``validation_error`` or ``suppressed``.
    code: str
    #: One sentence for each thing that is wrong, if the server lists them.
    errors: list[str]
    #: What to name when asking the operator about it.
    request_id: Optional[str]
    #: The whole answer.
    body: Any

    def __init__(
        self,
        message: str,
        *,
        status: Optional[int] = None,
        code: str = "error",
        errors: Optional[list[str]] = None,
        request_id: Optional[str] = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.request_id, self.body = status, code, request_id, body
        self.errors = errors or []


class AuthenticationError(CourierXError):
    """401: there is no key, it is wrong, or it has ended."""


class PermissionError(CourierXError):  # noqa: A001 - the same name in every language
    """403: the key lacks a scope, or may not do this."""


class NotFoundError(CourierXError):
    """404: there is no such thing for this key."""


class ConflictError(CourierXError):
    """409: in use, taken, too late, or an idempotency key of another message."""


class ValidationError(CourierXError):
    """400, 413, 422: the request cannot be accepted as it is."""

    #: What is wrong, by the field's name in the API: ``{"subject": ["is missing"]}``.
    fields: Mapping[str, list[str]]

    def __init__(self, message: str, *, fields: Optional[Mapping[str, list[str]]] = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.fields = fields or {}


class RateLimitError(CourierXError):
    """429: too many requests."""

    #: In how many seconds the next request is welcome.
    retry_after: Optional[float]

    def __init__(self, message: str, *, retry_after: Optional[float] = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.retry_after = retry_after


class ServerError(CourierXError):
    """5xx: the server cannot serve the request."""


class ConnectionError(CourierXError):  # noqa: A001 - the same name in every language
    """There is no answer: the server cannot be reached, or the connection broke."""

    #: Whether the request certainly never left.
    not_sent: bool

    def __init__(self, message: str, *, not_sent: bool = False, **context: Any) -> None:
        super().__init__(message, **context)
        self.not_sent = not_sent


class TimeoutError(ConnectionError):  # noqa: A001 - the same name in every language
    """There is no answer in time. Whether the request was served is not known."""


class WebhookVerificationError(CourierXError):
    """A webhook that is not from the server, or that is too old."""


_CLASSES: dict[int, type[CourierXError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionError,
    404: NotFoundError,
    409: ConflictError,
    413: ValidationError,
    422: ValidationError,
    429: RateLimitError,
}


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> CourierXError:
    """The error for an answer of this status."""
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    errors: list[str] = said.get("errors") or []
    message = said.get("error") or (errors[0] if errors else f"the server answered {status}")
    context: dict[str, Any] = {
        "status": status,
        "code": said.get("code") or str(status),
        "errors": errors,
        "request_id": headers.get("x-request-id"),
        "body": body,
    }
    kind = _CLASSES.get(status, ServerError if status >= 500 else CourierXError)
    if kind is ValidationError:
        context["fields"] = said.get("details")
    elif kind is RateLimitError:
        context["retry_after"] = retry_after(headers)
    return kind(message, **context)


def retry_after(headers: Mapping[str, str], now: Optional[datetime] = None) -> Optional[float]:
    """What the header ``Retry-After`` says, in seconds: it is a number of them, or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - (now or datetime.now(timezone.utc))).total_seconds())
