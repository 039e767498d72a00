"""Templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, cast

from .._pages import Page
from .._transport import part
from ..types import Template, TemplateFields, TemplatePreview
from ._resource import Resource, known

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PATH = "/email_templates"


class Templates(Resource):
    """Texts that are sent again and again."""

    def list(
        self,
        *,
        status: Optional[str] = None,
        category: Optional[str] = None,
        q: Optional[str] = None,
        page: Optional[int] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[Template]:
        """A page by name, without texts. ``q`` is a part of the name."""
        query = {"status": status, "category": category, "q": q, "page": page, "per_page": per_page}
        return self._page(_PATH, query, timeout)

    def iterate(
        self,
        *,
        status: Optional[str] = None,
        category: Optional[str] = None,
        q: Optional[str] = None,
        per_page: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Template]:
        """All of them, page after page."""
        query = {"status": status, "category": category, "q": q, "per_page": per_page}
        return self._everything(_PATH, query, timeout)

    def get(self, id: str, *, timeout: Optional[float] = None) -> Template:
        return cast(Template, self._read(f"{_PATH}/{part(id)}", timeout))

    def create(self, *, timeout: Optional[float] = None, **template: Unpack[TemplateFields]) -> Template:
        return cast(Template, self._make(_PATH, _wire(template), timeout))

    def update(self, id: str, *, timeout: Optional[float] = None, **changes: Unpack[TemplateFields]) -> Template:
        """Changes what is named; changed texts are a draft until they are published."""
        return cast(Template, self._change(f"{_PATH}/{part(id)}", _wire(changes), timeout))

    def delete(self, id: str, *, timeout: Optional[float] = None) -> None:
        self._drop(f"{_PATH}/{part(id)}", timeout)

    def preview(
        self,
        id: str,
        variables: Optional[Mapping[str, Any]] = None,
        *,
        version: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> TemplatePreview:
        """Fills it, and sends nothing."""
        body = {"variables": variables or {}, "version": version}
        return cast(TemplatePreview, self._act(f"{_PATH}/{part(id)}/preview", body, timeout))

    def duplicate(self, id: str, *, name: Optional[str] = None, timeout: Optional[float] = None) -> Template:
        return cast(Template, self._make(f"{_PATH}/{part(id)}/duplicate", {"name": name}, timeout))

    def publish(self, id: str, *, version: Optional[int] = None, timeout: Optional[float] = None) -> Template:
        """Publishes the draft, or an earlier version once more."""
        return cast(Template, self._make(f"{_PATH}/{part(id)}/publish", {"version": version}, timeout))


def _wire(fields: Mapping[str, Any]) -> dict[str, Any]:
    known(fields, TemplateFields)
    names = {"html": "html_body", "text": "text_body"}
    return {names.get(name, name): value for name, value in fields.items()}
