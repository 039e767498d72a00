"""Whether a webhook is from the server."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any, Mapping, NoReturn, Optional, Sequence, Union

from .errors import WebhookVerificationError


def verify_webhook(
    raw_body: Union[bytes, str],
    headers: Mapping[str, Any],
    secret: Union[str, Sequence[str]],
    *,
    tolerance_seconds: float = 300,
    now: Optional[float] = None,
) -> dict[str, Any]:
    """Returns what a webhook tells if it is from your server, and raises a ``WebhookVerificationError`` if it is not.

    ``raw_body`` is the body as it came, before anything parsed it; ``secret`` what the endpoint's creation answered, or
    several while it is being replaced. ``now`` is the present moment in seconds since 1970, for tests.
    """
    if not isinstance(raw_body, (bytes, bytearray, str)):
        raise TypeError("raw_body is the body as it came: bytes or a string, not what a parser made of it")
    body = raw_body.encode() if isinstance(raw_body, str) else bytes(raw_body)
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets or not all(secrets):
        raise ValueError("a secret is empty")

    timestamp = _header(headers, "x-courierx-timestamp")
    signature = _header(headers, "x-courierx-signature")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        _refuse("X-CourierX-Timestamp is no number of seconds")
    given = [re.fullmatch(r"\s*sha256=([0-9a-fA-F]{64})\s*", one) for one in signature.split(",")]
    digests = [bytes.fromhex(one.group(1)) for one in given if one]

    matches = False
    for one in secrets:
        expected = hmac.new(one.encode(), timestamp.encode() + b"." + body, hashlib.sha256).digest()
        for digest in digests:
            matches |= hmac.compare_digest(digest, expected)
    if not matches:
        _refuse("the signature is not made with this secret")
    # Afterwards: who does not know the secret learns nothing of the clock.
    age = (time.time() if now is None else now) - int(timestamp)
    if not abs(age) <= tolerance_seconds:
        _refuse(f"it is {age:.0f} seconds old")

    try:
        event = json.loads(body)
    except ValueError as error:
        raise WebhookVerificationError("the webhook's body is not JSON", code="invalid_webhook") from error
    if not isinstance(event, dict):
        _refuse("its body is no object")
    return event


def _header(headers: Mapping[str, Any], name: str) -> str:
    found = [value for key, value in headers.items() if key.lower() == name]
    if len(found) == 1 and isinstance(found[0], (list, tuple)):
        found = list(found[0])
    if len(found) > 1:
        _refuse(f"{name} is given more than once")
    if not found or not isinstance(found[0], str) or not found[0]:
        _refuse(f"{name} is missing")
    return str(found[0])


def _refuse(why: str) -> NoReturn:
    raise WebhookVerificationError(f"the webhook is refused: {why}", code="invalid_webhook")
