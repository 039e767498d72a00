"""Webhook endpoints."""

from __future__ import annotations

from typing import Any, Optional, Sequence, cast

from .._pages import Page
from .._transport import part
from ..types import WebhookEndpoint
from ._resource import Resource

_PATH = "/webhook_endpoints"


class Webhooks(Resource):
    """Where the server tells what happens."""

    def list(
        self, *, page: Optional[int] = None, per_page: Optional[int] = None, timeout: Optional[float] = None
    ) -> Page[WebhookEndpoint]:
        return self._page(_PATH, {"page": page, "per_page": per_page}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> WebhookEndpoint:
        return cast(WebhookEndpoint, self._read(f"{_PATH}/{part(id)}", timeout))

    def create(
        self,
        url: str,
        events: Sequence[str],
        *,
        description: Optional[str] = None,
        enabled: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> WebhookEndpoint:
        """Adds an endpoint; the answer has its ``secret``, this once."""
        body = _body(url=url, events=events, description=description, is_active=enabled)
        return cast(WebhookEndpoint, self._make(_PATH, body, timeout))

    def update(
        self,
        id: str,
        *,
        url: Optional[str] = None,
        events: Optional[Sequence[str]] = None,
        description: Optional[str] = None,
        enabled: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> WebhookEndpoint:
        """Changes what is named."""
        body = _body(url=url, events=events, description=description, is_active=enabled)
        return cast(WebhookEndpoint, self._change(f"{_PATH}/{part(id)}", body, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"{_PATH}/{part(id)}", timeout)


def _body(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
