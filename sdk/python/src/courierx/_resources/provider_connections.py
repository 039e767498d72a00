"""Connections to providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, cast

from .._pages import Page
from .._transport import part
from ..types import ConnectionFields, ProviderConnection
from ._resource import Resource, known

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PATH = "/provider_connections"


class ProviderConnections(Resource):
    """Accounts at providers."""

    def list(self, *, timeout: Optional[float] = None) -> Page[ProviderConnection]:
        """Every connection, by priority."""
        return self._page(_PATH, {}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> ProviderConnection:
        return cast(ProviderConnection, self._read(f"{_PATH}/{part(id)}", timeout))

    def create(self, *, timeout: Optional[float] = None, **fields: Unpack[ConnectionFields]) -> ProviderConnection:
        """Connects, and verifies at once: ``verification`` says whether it works."""
        known(fields, ConnectionFields)
        return cast(ProviderConnection, self._make(_PATH, fields, timeout))

    def update(
        self, id: str, *, timeout: Optional[float] = None, **changes: Unpack[ConnectionFields]
    ) -> ProviderConnection:
        """Changes what is named; ``None`` removes a limit."""
        known(changes, ConnectionFields)
        return cast(ProviderConnection, self._change(f"{_PATH}/{part(id)}", changes, timeout))

    def verify(self, id: str, *, timeout: Optional[float] = None) -> ProviderConnection:
        return cast(ProviderConnection, self._act(f"{_PATH}/{part(id)}/verify", None, timeout))

    def resync_webhook(self, id: str, *, timeout: Optional[float] = None) -> ProviderConnection:
        """Sets up once more, soon, that the provider calls back."""
        return cast(ProviderConnection, self._act(f"{_PATH}/{part(id)}/resync_webhook", None, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"{_PATH}/{part(id)}", timeout)
