"""Emails."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, Sequence, cast

from .._pages import Page
from .._transport import Request, part
from ..types import (
    BatchMessage,
    BatchRecipient,
    BatchResult,
    Content,
    Email,
    FullEmail,
    Message,
    Moment,
    ReconciledEmail,
    ReconciledStale,
    SentEmail,
)
from ._message import own_key, wire_message
from ._resource import Resource

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Emails(Resource):
    """Emails: sending them, and what became of them."""

    def send(
        self, *, idempotency_key: Optional[str] = None, timeout: Optional[float] = None, **message: Unpack[Message]
    ) -> SentEmail:
        """Accepts a message for delivery. It is safe on the server's disk once this returns."""
        return cast(SentEmail, self._send_once("/emails", wire_message(message), idempotency_key, timeout))

    def batch(
        self,
        messages: Sequence[BatchMessage],
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> BatchResult:
        """Sends up to 100 messages; of those that are refused, ``results`` says why."""
        body = {"emails": [_with_key(one) for one in messages]}
        return cast(BatchResult, self._send_once("/emails/batch", body, idempotency_key, timeout))

    def batch_to(
        self,
        recipients: Sequence[BatchRecipient],
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
        **message: Unpack[Content],
    ) -> BatchResult:
        """Sends one message to up to 1000 people, each in a mail of their own."""
        body = {**wire_message(message, Content), "recipients": list(recipients)}
        return cast(BatchResult, self._send_once("/emails/batch", body, idempotency_key, timeout))

    def list(
        self,
        *,
        status: Optional[str] = None,
        recipient: Optional[str] = None,
        tag: Optional[str] = None,
        mode: Optional[str] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        page: Optional[int] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[Email]:
        """A page, the newest first. ``recipient`` is a part of the address."""
        query = _filter(status, recipient, tag, mode, since, until)
        return self._page("/emails", {**query, "page": page, "per_page": per_page}, timeout)

    def iterate(
        self,
        *,
        status: Optional[str] = None,
        recipient: Optional[str] = None,
        tag: Optional[str] = None,
        mode: Optional[str] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Email]:
        """All of them, page after page."""
        query = _filter(status, recipient, tag, mode, since, until)
        return self._everything("/emails", {**query, "per_page": per_page}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> FullEmail:
        """One with its content, events and attempts."""
        return cast(FullEmail, self._read(f"/emails/{part(id)}", timeout))

    def cancel(self, id: str, *, timeout: Optional[float] = None) -> SentEmail:
        """Cancels what was not handed over to a provider yet."""
        return cast(SentEmail, self._act(f"/emails/{part(id)}/cancel", None, timeout))

    def reconcile(self, id: str, *, timeout: Optional[float] = None) -> ReconciledEmail:
        """Looks after a message that seems to be stuck. It never sends anything twice."""
        return cast(ReconciledEmail, self._act(f"/emails/{part(id)}/reconcile", None, timeout))

    def reconcile_stale(self, *, timeout: Optional[float] = None) -> ReconciledStale:
        """Has all messages looked after that seem to be stuck: up to 1000, once in two minutes."""
        return cast(ReconciledStale, self._act("/emails/reconcile_stale", None, timeout))

    def reschedule(self, id: str, scheduled_at: Moment, *, timeout: Optional[float] = None) -> SentEmail:
        """Moves the date of a message whose delivery has not begun."""
        return cast(SentEmail, self._change(f"/emails/{part(id)}", {"scheduled_at": scheduled_at}, timeout))

    def _send_once(self, path: str, body: Mapping[str, Any], key: Optional[str], timeout: Optional[float]) -> Any:
        # Every try of it has the same key, so that it is sent once, however often it is asked for.
        key = key or own_key(body) or f"auto-{uuid.uuid4()}"
        request = Request("POST", path, repeatable=True, body=body, idempotency_key=key)
        return self._transport.send(request, timeout).data


def _with_key(message: Mapping[str, Any]) -> dict[str, Any]:
    # A message of a batch has no header of its own for its key.
    wire = wire_message(message, BatchMessage)
    key = wire.pop("idempotency_key", None)
    if key is not None:
        wire["metadata"] = {**(wire.get("metadata") or {}), "idempotency_key": key}
    return wire


def _filter(
    status: Optional[str],
    recipient: Optional[str],
    tag: Optional[str],
    mode: Optional[str],
    since: Optional[Moment],
    until: Optional[Moment],
) -> dict[str, Any]:
    # `from` is a word of Python's.
    return {"status": status, "recipient": recipient, "tag": tag, "mode": mode, "from": since, "to": until}
