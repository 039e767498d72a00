"""What happened."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, Optional, Sequence, cast

from .._event_stream import frames
from .._transport import Request
from ..errors import ConnectionError, CourierXError
from ..types import EventPage, MailEvent
from ._resource import Resource


class Events(Resource):
    """What happened to mail, in one order."""

    def list(
        self,
        *,
        after: Optional[int] = None,
        events: Optional[Sequence[str]] = None,
        message_id: Optional[str] = None,
        connection_id: Optional[str] = None,
        mode: Optional[str] = None,
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> EventPage:
        """What happened after a position, from the first event on unless one is named."""
        query = _query(after, events, message_id, connection_id, mode)
        request = Request("GET", "/events", repeatable=True, query={**query, "limit": limit})
        return cast(EventPage, self._transport.send(request, timeout).data)

    def stream(
        self,
        *,
        after: Optional[int] = None,
        events: Optional[Sequence[str]] = None,
        message_id: Optional[str] = None,
        connection_id: Optional[str] = None,
        mode: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[MailEvent]:
        """What happens, as it happens: after a position, or from now on.

        It goes on where it was after whatever may pass, and raises what does not, such as the end of the key. Closing
        the iterator ends it.
        """
        query = _query(after, events, message_id, connection_id, mode)
        last: Optional[str] = None
        failures = 0
        while True:
            request = Request("GET", "/events/stream", repeatable=True, query=query, last=last)
            try:
                for frame in frames(self._transport.open(request, timeout)):
                    failures, last = 0, frame.id or last
                    if frame.data is not None:
                        yield cast(MailEvent, json.loads(frame.data))
            except CourierXError as error:
                # What was never there may be elsewhere; what was there comes back.
                if last is None or not _passes(error):
                    raise
            self._transport.rest(failures)
            failures += 1


def _passes(error: CourierXError) -> bool:
    return isinstance(error, ConnectionError) or error.status == 429 or (error.status or 0) >= 500


def _query(
    after: Optional[int],
    events: Optional[Sequence[str]],
    message_id: Optional[str],
    connection_id: Optional[str],
    mode: Optional[str],
) -> Dict[str, Any]:
    names = ",".join(events) if events else None
    return {"after": after, "events": names, "message_id": message_id, "connection_id": connection_id, "mode": mode}
