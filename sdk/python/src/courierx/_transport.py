"""Carries requests to the server and answers back."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterator, Mapping, Optional, Union
from urllib.parse import quote, urlencode, urlsplit

from ._connections import Connections, Response
from ._retry import RetryPolicy, delay_before, may_retry
from ._version import VERSION
from .errors import CourierXError, NotFoundError, error_of

#: A stream that says nothing for so many seconds is gone: it says every 15 seconds that it is there.
_SILENCE = 45.0


@dataclass(frozen=True)
class Request:
    """A request, before it is written."""

    method: str
    #: Below ``/api/v1``.
    path: str
    #: Whether it may be carried out twice without harm.
    repeatable: bool
    query: Optional[Mapping[str, Any]] = None
    body: Any = None
    idempotency_key: Optional[str] = None
    #: Of a stream: the last event that was read.
    last: Optional[str] = None


@dataclass(frozen=True)
class Answer:
    """An answer, and its headers by their names in small letters."""

    data: Any
    headers: Mapping[str, str]


class Transport:
    """Carries requests to one server. Any number of threads may use it."""

    def __init__(
        self, api_key: str, base_url: str, timeout: float, policy: RetryPolicy, context: Optional[ssl.SSLContext]
    ) -> None:
        url = urlsplit(base_url)
        self._prefix = url.path
        self._connections = Connections(url, context)
        self._api_key, self._timeout, self._policy = api_key, timeout, policy

    def close(self) -> None:
        self._connections.close()

    def send(self, request: Request, timeout: Optional[float] = None) -> Answer:
        """Sends a request, again where that is safe, and returns what the server answers."""
        body = None if request.body is None else json.dumps(request.body, default=_plain).encode()
        retry, in_doubt = 0, False
        while True:
            headers: Mapping[str, str] = {}
            try:
                response = self._attempt(request, body, self._timeout if timeout is None else timeout)
                headers = response.headers
                return _read(response)
            except CourierXError as failure:
                # An earlier try may have been carried out although it failed.
                if isinstance(failure, NotFoundError) and request.method == "DELETE" and in_doubt:
                    return Answer(None, headers)
                if retry >= self._policy.max_retries or not may_retry(failure, request.repeatable):
                    raise
                delay = delay_before(retry, self._policy, headers)
                if delay is None:
                    raise
                in_doubt = in_doubt or not may_retry(failure, repeatable=False)
            time.sleep(delay)
            retry += 1

    def open(self, request: Request, timeout: Optional[float] = None) -> Iterator[bytes]:
        """Opens a stream, again where it cannot be for a moment, and reads it to its end."""
        headers = {**self._headers(request), "Accept": "text/event-stream"}
        limit = self._timeout if timeout is None else timeout
        retry = 0
        while True:
            told: Mapping[str, str] = {}
            try:
                stream = self._connections.open(self._target(request), headers, limit)
                told = stream.headers
                if stream.refused is not None:
                    _read(stream.refused)
                    message = "the answer is no stream; does base_url lead to a CourierX server?"
                    raise CourierXError(message, status=stream.refused.status, code="no_stream")
                break
            except CourierXError as failure:
                if retry >= self._policy.max_retries or not may_retry(failure, repeatable=True):
                    raise
                delay = delay_before(retry, self._policy, told)
                if delay is None:
                    raise
            time.sleep(delay)
            retry += 1
        yield from stream.chunks(_SILENCE)

    def rest(self, failures: int) -> None:
        """Waits before a stream is opened again that was cut off so often in a row."""
        time.sleep(delay_before(failures, self._policy, {}) or 0)

    def _headers(self, request: Request) -> Dict[str, str]:
        headers = {
            "Authorization": f"Bearer {self._api_key}",
            "Accept": "application/json",
            "User-Agent": f"courierx-python/{VERSION}",
        }
        if request.last is not None:
            headers["Last-Event-ID"] = request.last
        return headers

    def _attempt(self, request: Request, body: Optional[bytes], timeout: float) -> Response:
        headers = self._headers(request)
        if body is not None:
            headers["Content-Type"] = "application/json"
        elif request.method != "GET":
            headers["Content-Length"] = "0"
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        return self._connections.request(request.method, self._target(request), headers, body, timeout)

    def _target(self, request: Request) -> str:
        given = {name: value for name, value in (request.query or {}).items() if value is not None}
        query = urlencode({name: moment(value) for name, value in given.items()})
        return f"{self._prefix}/api/v1{request.path}" + (f"?{query}" if query else "")


def _read(response: Response) -> Answer:
    good = 200 <= response.status < 300
    data: Any = None
    if response.body:
        try:
            data = json.loads(response.body)
        except ValueError as error:
            data = response.body.decode(errors="replace")
            if good:
                message = "the answer is not JSON; does base_url lead to a CourierX server?"
                raise CourierXError(message, status=response.status, code="not_json", body=data) from error
    if not good:
        raise error_of(response.status, data, response.headers)
    return Answer(data, response.headers)


def part(value: str) -> str:
    """A part of a path, whatever is in it."""
    # Dots alone would lead out of the folder.
    if not isinstance(value, str) or not value.strip("."):
        raise ValueError(f"{value!r} is no id")
    return quote(value, safe="")


def moment(value: Union[datetime, Any]) -> Any:
    """A moment as the API writes it; anything else stays."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("a datetime without a time zone is no moment: use datetime.now(timezone.utc) and the like")
    return value.isoformat()


def _plain(value: Any) -> Any:
    plain = moment(value)
    if plain is value:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return plain
