"""When a request is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Mapping, Optional

from .errors import ConnectionError, CourierXError, retry_after

_LONGEST_DELAY = 8.0
#: A server that wants more time than this is not waited for.
_LONGEST_RETRY_AFTER = 60.0
#: Statuses that tell of now and not of the request.
_TRANSIENT = {408, 429, 500, 502, 503, 504}
#: Those after which certainly nothing was done.
_NOT_DONE = {429, 503}


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after what time a request is tried again."""

    #: Tries after the first one.
    max_retries: int
    #: The longest wait before the first retry, in seconds; it doubles each time.
    retry_delay: float


def may_retry(error: CourierXError, repeatable: bool) -> bool:
    """Whether a request that failed like this may be tried again.

    One that is repeatable may whenever the failure can pass; any other only if it certainly was not carried out.
    """
    if isinstance(error, ConnectionError):
        return repeatable or error.not_sent
    return error.status in (_TRANSIENT if repeatable else _NOT_DONE)


def delay_before(retry: int, policy: RetryPolicy, headers: Mapping[str, str]) -> Optional[float]:
    """How long to wait before the next try, in seconds; ``None`` if it is not worth waiting."""
    asked = retry_after(headers)
    if asked is not None:
        return asked if asked <= _LONGEST_RETRY_AFTER else None
    most: float = min(_LONGEST_DELAY, policy.retry_delay * 2**retry)
    # Those who failed together do not come back together.
    return most / 2 + random.uniform(0, most / 2)
