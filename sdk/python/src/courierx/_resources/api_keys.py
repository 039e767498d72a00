"""API keys."""

from __future__ import annotations

from typing import Optional, Sequence, cast

from .._pages import Page
from .._transport import part
from ..types import ApiKey, Moment
from ._resource import Resource


class ApiKeys(Resource):
    """Keys of programs."""

    def list(self, *, timeout: Optional[float] = None) -> Page[ApiKey]:
        """Every key, without itself."""
        return self._page("/api_keys", {}, timeout)

    def create(
        self,
        name: str,
        *,
        scopes: Optional[Sequence[str]] = None,
        mode: Optional[str] = None,
        expires_at: Optional[Moment] = None,
        from_domains: Optional[Sequence[str]] = None,
        rate_limit_per_minute: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> ApiKey:
        """Makes a key, which the answer has as ``key``, this once. Without ``scopes`` it may do everything."""
        body = {
            "name": name,
            "scopes": scopes,
            "mode": mode,
            "expires_at": expires_at,
            "from_domains": from_domains,
            "rate_limit_per_minute": rate_limit_per_minute,
        }
        return cast(ApiKey, self._make("/api_keys", body, timeout))

    def rotate(self, id: str, *, overlap_seconds: Optional[int] = None, timeout: Optional[float] = None) -> ApiKey:
        """A new secret; the one before works on for a day, or for as long as is said."""
        return cast(ApiKey, self._make(f"/api_keys/{part(id)}/rotate", {"overlap_seconds": overlap_seconds}, timeout))

    def revoke(self, id: str, *, timeout: Optional[float] = None) -> ApiKey:
        """Ends a key, and keeps it in the list."""
        return cast(ApiKey, self._change(f"/api_keys/{part(id)}/revoke", None, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        """Ends and removes a key."""
        self._drop(f"/api_keys/{part(id)}", timeout)
