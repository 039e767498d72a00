"""Messages, as the API writes them."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Optional

from ..types import Attachment, Message
from ._resource import known

#: Fields that the API calls otherwise.
_NAMES = {"to": "to_email", "html": "html_body", "text": "text_body"}


def wire_message(fields: Mapping[str, Any], kind: Any = Message) -> dict[str, Any]:
    """A message with the names of the API."""
    known(fields, kind)
    wire = {_NAMES.get(name, name): value for name, value in fields.items()}
    if wire.get("attachments") is not None:
        wire["attachments"] = [_attachment(one) for one in wire["attachments"]]
    return wire


def own_key(wire: Mapping[str, Any]) -> Optional[str]:
    """The key that a message has in its metadata, where clients of the first version put it."""
    key = (wire.get("metadata") or {}).get("idempotency_key")
    return None if key is None else str(key)


def _attachment(file: Mapping[str, Any]) -> dict[str, Any]:
    known(file, Attachment)
    content = file.get("content")
    if content is None or isinstance(content, str):
        return dict(file)
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError("an attachment's content is bytes, or a string of base64")
    return {**file, "content": base64.b64encode(content).decode()}
