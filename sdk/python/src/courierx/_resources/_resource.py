"""What all resources do with the transport."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

from .._pages import MOST_PER_PAGE, Page, everything
from .._transport import Request, Transport


class Resource:
    """A part of the API."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _read(self, path: str, timeout: Optional[float]) -> Any:
        return self._transport.send(Request("GET", path, repeatable=True), timeout).data

    def _make(self, path: str, body: Any, timeout: Optional[float]) -> Any:
        """Makes something: done twice, it would be there twice."""
        return self._transport.send(Request("POST", path, repeatable=False, body=body), timeout).data

    def _act(self, path: str, body: Any, timeout: Optional[float]) -> Any:
        """Does what may as well be done twice."""
        return self._transport.send(Request("POST", path, repeatable=True, body=body), timeout).data

    def _change(self, path: str, body: Any, timeout: Optional[float]) -> Any:
        return self._transport.send(Request("PATCH", path, repeatable=True, body=body), timeout).data

    def _drop(self, path: str, timeout: Optional[float]) -> None:
        self._transport.send(Request("DELETE", path, repeatable=True), timeout)

    def _page(self, path: str, query: Mapping[str, Any], timeout: Optional[float]) -> Page[Any]:
        answer = self._transport.send(Request("GET", path, repeatable=True, query=query), timeout)
        return Page(answer.data, answer.headers)

    def _everything(self, path: str, query: Mapping[str, Any], timeout: Optional[float]) -> Iterator[Any]:
        per_page = query.get("per_page") or MOST_PER_PAGE
        return everything(lambda number: self._page(path, {**query, "page": number, "per_page": per_page}, timeout))


def known(fields: Mapping[str, Any], kind: Any) -> None:
    """Refuses names that no field has: the server would ignore them."""
    names = set(kind.__annotations__)
    unknown = sorted(set(fields) - names)
    if unknown:
        raise TypeError(f"{', '.join(unknown)}: there is no such field; there are {', '.join(sorted(names))}")
