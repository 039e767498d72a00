"""The sandbox."""

from __future__ import annotations

from typing import Iterator, Optional, cast

from .._pages import Page
from .._transport import part
from ..types import SandboxMessage
from ._resource import Resource

_PATH = "/sandbox/messages"


class Sandbox(Resource):
    """What was not sent, but kept to be looked at."""

    def list(
        self, *, page: Optional[int] = None, per_page: Optional[int] = None, timeout: Optional[float] = None
    ) -> Page[SandboxMessage]:
        """A page, the newest first."""
        return self._page(_PATH, {"page": page, "per_page": per_page}, timeout)

    def iterate(self, *, per_page: Optional[int] = None, timeout: Optional[float] = None) -> Iterator[SandboxMessage]:
        """All of them, page after page."""
        return self._everything(_PATH, {"per_page": per_page}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> SandboxMessage:
        return cast(SandboxMessage, self._read(f"{_PATH}/{part(id)}", timeout))
