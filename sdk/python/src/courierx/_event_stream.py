"""Reads server-sent events as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional

from .errors import ConnectionError

#: More bytes than any event has: what does not end is not kept.
_LONGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Frame:
    """What stands between two empty lines."""

    #: Where to go on after it.
    id: Optional[str]
    #: Its lines of data, if it has any.
    data: Optional[str]


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """The events of a stream; what is not there as a whole is none."""
    rest = b""
    for chunk in chunks:
        # The server writes no other ends of lines.
        *whole, rest = (rest + chunk).split(b"\n\n")
        for text in whole:
            yield _read(text.decode())
        if len(rest) > _LONGEST:
            raise ConnectionError("an event has no end", code="connection_error")


def _read(text: str) -> Frame:
    last: Optional[str] = None
    data: List[str] = []
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            last = value
        elif name == "data":
            data.append(value)
    return Frame(last, "\n".join(data) if data else None)
