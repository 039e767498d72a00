"""Domains."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional, Sequence, cast

from .._pages import Page
from .._transport import part
from ..types import Domain
from ._resource import Resource


class Domains(Resource):
    """Domains that mail is sent from."""

    def list(
        self, *, page: Optional[int] = None, per_page: Optional[int] = None, timeout: Optional[float] = None
    ) -> Page[Domain]:
        """A page, by name."""
        return self._page("/domains", {"page": page, "per_page": per_page}, timeout)

    def iterate(self, *, per_page: Optional[int] = None, timeout: Optional[float] = None) -> Iterator[Domain]:
        """All of them, page after page."""
        return self._everything("/domains", {"per_page": per_page}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> Domain:
        return cast(Domain, self._read(f"/domains/{part(id)}", timeout))

    def create(
        self,
        domain: str,
        *,
        dkim_selector: Optional[str] = None,
        dkim_selectors: Optional[Mapping[str, Sequence[str]]] = None,
        tracking_host: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Domain:
        """Adds a domain; ``dns_records`` are what to publish."""
        body: dict[str, Any] = {"domain": domain, "dkim_selector": dkim_selector}
        body["dkim_selectors"] = dkim_selectors or {}
        body["tracking_host"] = tracking_host
        return cast(Domain, self._make("/domains", body, timeout))

    def update(
        self,
        id: str,
        *,
        dkim_selector: Optional[str] = None,
        dkim_selectors: Optional[Mapping[str, Sequence[str]]] = None,
        tracking_host: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Domain:
        """Changes what is named; an empty selector removes it."""
        given = {
            "dkim_selector": dkim_selector,
            "dkim_selectors": dkim_selectors,
            "tracking_host": tracking_host,
        }
        body = {name: value for name, value in given.items() if value is not None}
        return cast(Domain, self._change(f"/domains/{part(id)}", body, timeout))

    def verify(self, id: str, *, timeout: Optional[float] = None) -> Domain:
        """Has its records looked at now."""
        return cast(Domain, self._act(f"/domains/{part(id)}/verify", None, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"/domains/{part(id)}", timeout)
