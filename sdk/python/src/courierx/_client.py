"""The client."""

from __future__ import annotations

import os
import ssl
from types import TracebackType
from typing import Optional
from urllib.parse import urlsplit

from ._resources.api_keys import ApiKeys
from ._resources.domains import Domains
from ._resources.emails import Emails
from ._resources.events import Events
from ._resources.provider_connections import ProviderConnections
from ._resources.routing_rules import RoutingRules
from ._resources.sandbox import Sandbox
from ._resources.suppressions import Suppressions
from ._resources.templates import Templates
from ._resources.webhooks import Webhooks
from ._retry import RetryPolicy
from ._transport import Transport
from .errors import CourierXError

#: Where a client asks unless it is told.
DEFAULT_BASE_URL = "https://api.courierx.dev"


class CourierX:
    """The API of a CourierX server. Any number of threads may use one client.

    ``api_key`` and ``base_url`` are what ``COURIERX_API_KEY`` and ``COURIERX_BASE_URL`` say unless they are given.
    ``timeout`` is for one try, in seconds; ``max_retries`` are tries after the first one, and ``retry_delay`` is the
    longest wait before the first of them, which doubles each time.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        *,
        base_url: Optional[str] = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        retry_delay: float = 0.5,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        key = _api_key(api_key or os.environ.get("COURIERX_API_KEY"))
        url = _base_url(base_url or os.environ.get("COURIERX_BASE_URL") or DEFAULT_BASE_URL)
        self._transport = Transport(key, url, timeout, RetryPolicy(max_retries, retry_delay), ssl_context)
        self.emails = Emails(self._transport)
        self.events = Events(self._transport)
        self.domains = Domains(self._transport)
        self.api_keys = ApiKeys(self._transport)
        self.suppressions = Suppressions(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.templates = Templates(self._transport)
        self.provider_connections = ProviderConnections(self._transport)
        self.routing_rules = RoutingRules(self._transport)
        self.sandbox = Sandbox(self._transport)

    def close(self) -> None:
        """Closes the connections that are open and not in use."""
        self._transport.close()

    def __enter__(self) -> CourierX:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _api_key(given: Optional[str]) -> str:
    key = (given or "").strip()
    if not key:
        raise CourierXError("an API key is missing: give api_key, or set COURIERX_API_KEY", code="configuration")
    # The message does not repeat it, as it may be a key all the same.
    if not all("!" <= letter <= "~" for letter in key):
        raise CourierXError("api_key has characters that no key has", code="configuration")
    return key


def _base_url(given: str) -> str:
    # As people have it from the documents, with the path or without.
    text = given.strip().rstrip("/")
    text = text[: -len("/api/v1")] if text.endswith("/api/v1") else text
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise CourierXError(f"base_url has to be like https://courierx.example: {given}", code="configuration")
    return text
