"""Suppressions."""

from __future__ import annotations

from typing import Iterator, Optional, cast

from .._pages import Page
from .._transport import part
from ..types import Moment, Suppression
from ._resource import Resource


class Suppressions(Resource):
    """Who gets no mail."""

    def list(
        self,
        *,
        reason: Optional[str] = None,
        topic: Optional[str] = None,
        email: Optional[str] = None,
        page: Optional[int] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[Suppression]:
        query = {"reason": reason, "topic": topic, "email": email, "page": page, "per_page": per_page}
        return self._page("/suppressions", query, timeout)

    def iterate(
        self,
        *,
        reason: Optional[str] = None,
        topic: Optional[str] = None,
        email: Optional[str] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Suppression]:
        """All of them, page after page."""
        query = {"reason": reason, "topic": topic, "email": email, "per_page": per_page}
        return self._everything("/suppressions", query, timeout)

    def create(
        self,
        email: str,
        *,
        reason: str = "manual",
        topic: Optional[str] = None,
        note: Optional[str] = None,
        expires_at: Optional[Moment] = None,
        timeout: Optional[float] = None,
    ) -> Suppression:
        """Adds an address, or ``@example.com`` for everybody there, for mail about a topic or for all mail."""
        body = {"email": email, "reason": reason, "topic": topic, "note": note, "expires_at": expires_at}
        return cast(Suppression, self._make("/suppressions", body, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"/suppressions/{part(id)}", timeout)
