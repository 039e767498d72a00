"""Webhook endpoints."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, cast

from .._pages import Page
from .._transport import Request, part
from ..types import Moment, WebhookDelivery, WebhookEndpoint
from ._resource import Resource

_PATH = "/webhook_endpoints"


class Webhooks(Resource):
    """Where the server tells what happens."""

    def list(self, *, timeout: Optional[float] = None) -> Page[WebhookEndpoint]:
        """Every endpoint."""
        return self._page(_PATH, {}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> WebhookEndpoint:
        return cast(WebhookEndpoint, self._read(f"{_PATH}/{part(id)}", timeout))

    def create(
        self,
        url: str,
        events: Optional[Sequence[str]] = None,
        *,
        description: Optional[str] = None,
        enabled: Optional[bool] = None,
        mode: Optional[str] = None,
        signature_scheme: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> WebhookEndpoint:
        """Adds an endpoint, which is told of these events, or of everything; the answer has its ``secret``, this once.

        ``verify_webhook`` knows the scheme ``courierx``, which it is unless something else is said.
        """
        body = _body(url=url, events=events, description=description, is_active=enabled)
        body.update(_body(mode=mode, signature_scheme=signature_scheme))
        return cast(WebhookEndpoint, self._make(_PATH, body, timeout))

    def update(
        self,
        id: str,
        *,
        url: Optional[str] = None,
        events: Optional[Sequence[str]] = None,
        description: Optional[str] = None,
        enabled: Optional[bool] = None,
        signature_scheme: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> WebhookEndpoint:
        """Changes what is named."""
        body = _body(url=url, events=events, description=description, is_active=enabled)
        body.update(_body(signature_scheme=signature_scheme))
        return cast(WebhookEndpoint, self._change(f"{_PATH}/{part(id)}", body, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"{_PATH}/{part(id)}", timeout)

    def rotate_secret(
        self, id: str, *, overlap_seconds: Optional[int] = None, timeout: Optional[float] = None
    ) -> WebhookEndpoint:
        """A new secret; the one before signs too for a day, or for as long as is said."""
        body = {"overlap_seconds": overlap_seconds}
        return cast(WebhookEndpoint, self._make(f"{_PATH}/{part(id)}/rotate_secret", body, timeout))

    def deliveries(
        self,
        id: str,
        *,
        success: Optional[bool] = None,
        page: Optional[int] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> List[WebhookDelivery]:
        """What it was told, the latest first."""
        told = None if success is None else str(success).lower()
        query = {"success": told, "page": page, "per_page": per_page}
        request = Request("GET", f"{_PATH}/{part(id)}/deliveries", repeatable=True, query=query)
        return cast("List[WebhookDelivery]", self._transport.send(request, timeout).data)

    def test(self, id: str, *, timeout: Optional[float] = None) -> Mapping[str, Any]:
        """Tells it of something that did not happen; ``delivery`` is what came of it."""
        return cast("Mapping[str, Any]", self._act(f"{_PATH}/{part(id)}/test", None, timeout))

    def replay(
        self,
        id: str,
        *,
        sequences: Optional[Sequence[int]] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        failed_only: Optional[bool] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Tells it once more, under the same ids, and returns of how many events."""
        body = _body(sequences=sequences, to=until, failed_only=failed_only)
        if since is not None:
            body["from"] = since
        return int(self._make(f"{_PATH}/{part(id)}/replay", body, timeout)["events"])


def _body(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
