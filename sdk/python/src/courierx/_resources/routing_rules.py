"""Routing rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, Optional, cast

from .._pages import Page
from .._transport import part
from ..types import Explanation, Message, RoutingRule, RuleFields
from ._message import wire_message
from ._resource import Resource, known

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PATH = "/routing_rules"


class RoutingRules(Resource):
    """Which message takes which connection."""

    def list(
        self, *, page: Optional[int] = None, per_page: Optional[int] = None, timeout: Optional[float] = None
    ) -> Page[RoutingRule]:
        """A page, in their order."""
        return self._page(_PATH, {"page": page, "per_page": per_page}, timeout)

    def iterate(self, *, per_page: Optional[int] = None, timeout: Optional[float] = None) -> Iterator[RoutingRule]:
        """All of them, page after page."""
        return self._everything(_PATH, {"per_page": per_page}, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> RoutingRule:
        return cast(RoutingRule, self._read(f"{_PATH}/{part(id)}", timeout))

    def create(self, *, timeout: Optional[float] = None, **rule: Unpack[RuleFields]) -> RoutingRule:
        known(rule, RuleFields)
        return cast(RoutingRule, self._make(_PATH, rule, timeout))

    def update(self, id: str, *, timeout: Optional[float] = None, **changes: Unpack[RuleFields]) -> RoutingRule:
        """Changes what is named; a list is replaced as a whole, and ``None`` removes a condition."""
        known(changes, RuleFields)
        return cast(RoutingRule, self._change(f"{_PATH}/{part(id)}", changes, timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"{_PATH}/{part(id)}", timeout)

    def explain(self, *, timeout: Optional[float] = None, **message: Unpack[Message]) -> Explanation:
        """Where a message would go, and why; sends nothing."""
        return cast(Explanation, self._act("/routing/explain", wire_message(message), timeout))
