"""The client of the CourierX server."""

from . import types
from ._client import DEFAULT_BASE_URL, CourierX
from ._pages import Page
from ._version import VERSION as __version__
from ._webhook_signature import verify_webhook
from .errors import (
    AuthenticationError,
    ConflictError,
    ConnectionError,
    CourierXError,
    NotFoundError,
    PermissionError,
    RateLimitError,
    ServerError,
    TimeoutError,
    ValidationError,
    WebhookVerificationError,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "AuthenticationError",
    "ConflictError",
    "ConnectionError",
    "CourierX",
    "CourierXError",
    "NotFoundError",
    "Page",
    "PermissionError",
    "RateLimitError",
    "ServerError",
    "TimeoutError",
    "ValidationError",
    "WebhookVerificationError",
    "__version__",
    "types",
    "verify_webhook",
]
