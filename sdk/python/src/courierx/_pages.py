"""Lists in pages."""

from __future__ import annotations

from typing import Callable, Iterator, List, Mapping, Sequence, TypeVar

T = TypeVar("T")

#: Items to a page for who reads them all.
MOST_PER_PAGE = 100


class Page(List[T]):
    """One page of a list: a ``list`` that knows how much there is besides."""

    #: Items on all pages.
    total: int
    #: Which page this is, from 1.
    page: int
    #: Items that a page has at most.
    per_page: int
    #: How many pages there are.
    total_pages: int

    def __init__(self, items: Sequence[T], headers: Mapping[str, str]) -> None:
        super().__init__(items)
        self.total = int(headers.get("x-total-count", len(items)))
        self.page = int(headers.get("x-page", 1))
        self.per_page = int(headers.get("x-per-page", len(items)))
        self.total_pages = int(headers.get("x-total-pages", 1))


def everything(load: Callable[[int], "Page[T]"]) -> Iterator[T]:
    """The items of all pages."""
    before: set[object] = set()
    number = 1
    while True:
        page = load(number)
        ids = [item.get("id") if isinstance(item, dict) else None for item in page]
        for item, identifier in zip(page, ids):
            # What is new stands at the top, and moves the rest on to the next page while this one is read.
            if identifier is None or identifier not in before:
                yield item
        if number >= page.total_pages or not page:
            return
        before = set(ids)
        number += 1
