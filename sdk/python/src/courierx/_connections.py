"""Connections that are kept open, over which requests go one after the other."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
import time
from typing import Iterator, Optional
from urllib.parse import SplitResult

from .errors import ConnectionError, TimeoutError

#: Servers and what is in between close what is idle for longer.
_IDLE = 15.0


class Response:
    """An answer, read to its end."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class Stream:
    """An answer that goes on, or what was said instead."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        headers: dict[str, str],
        refused: Optional[Response],
    ) -> None:
        self._connection, self._response = connection, response
        self.headers, self.refused = headers, refused

    def chunks(self, silence: float) -> Iterator[bytes]:
        """What comes, as it comes, until it ends or nothing came for so many seconds."""
        try:
            # The connection gives its socket to an answer that ends with it.
            if self._connection.sock is not None:
                self._connection.sock.settimeout(silence)
            while True:
                chunk = self._response.read1(65_536)
                if not chunk:
                    return
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise _broke(error, silence) from error
        finally:
            self._response.close()
            self._connection.close()


def _broke(error: Exception, timeout: float) -> ConnectionError:
    if isinstance(error, socket.timeout):
        return TimeoutError(f"no answer within {timeout:g} seconds", code="timeout")
    return ConnectionError(f"the connection broke: {error or type(error).__name__}", code="connection_error")


class Connections:
    """Open connections to one server. Any number of threads may use them."""

    def __init__(self, url: SplitResult, context: Optional[ssl.SSLContext]) -> None:
        self._url = url
        self._context = context or (ssl.create_default_context() if url.scheme == "https" else None)
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        self._lock = threading.Lock()

    def request(
        self, method: str, target: str, headers: dict[str, str], body: Optional[bytes], timeout: float
    ) -> Response:
        """Sends a request once and returns its answer."""
        deadline = time.monotonic() + timeout
        connection = self._take() or self._connect(timeout)
        try:
            response = _exchange(connection, method, target, headers, body, deadline)
        except BaseException as error:
            # Whatever is still on its way would be taken for the answer to something else.
            connection.close()
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise _broke(error, timeout) from error
            raise
        self._put_back(connection)
        return response

    def open(self, target: str, headers: dict[str, str], timeout: float) -> Stream:
        """Opens a stream on a connection of its own."""
        connection = self._connect(timeout)
        try:
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            if response.status == 200 and named.get("content-type", "").startswith("text/event-stream"):
                return Stream(connection, response, named, None)
            refused = Response(response.status, named, response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _broke(error, timeout) from error
        except BaseException:
            connection.close()
            raise
        connection.close()
        return Stream(connection, response, named, refused)

    def close(self) -> None:
        """Closes what is open and not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
            if self._url.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        try:
            connection.connect()
        except socket.timeout as error:
            message = f"no connection within {timeout:g} seconds"
            raise TimeoutError(message, code="timeout", not_sent=True) from error
        except OSError as error:
            message = f"the server cannot be reached: {error}"
            raise ConnectionError(message, code="connection_error", not_sent=True) from error
        return connection

    def _take(self) -> Optional[http.client.HTTPConnection]:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            # What can be read although nothing was asked is the end of it.
            sock = connection.sock
            if sock is not None and time.monotonic() - since < _IDLE and not _readable(sock):
                return connection
            connection.close()

    def _put_back(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock is None:
            return
        with self._lock:
            self._idle.append((connection, time.monotonic()))


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        # It is closed, or its number is beyond what select can do: then a new one is made.
        return True


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: dict[str, str],
    body: Optional[bytes],
    deadline: float,
) -> Response:
    _limit(connection, deadline)
    connection.request(method, target, body=body, headers=headers)
    # The answer closes the connection's socket where the server will not go on, and reads from it still.
    sock = connection.sock
    _limit(connection, deadline)
    response = connection.getresponse()
    chunks = []
    while not response.isclosed():
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise socket.timeout("timed out")
        if sock is not None and sock.fileno() >= 0:
            sock.settimeout(remaining)
        chunk = response.read1(65_536)
        if not chunk:
            break
        chunks.append(chunk)
    _whole(response, chunks)
    named = {name.lower(): value for name, value in response.getheaders()}
    return Response(response.status, named, b"".join(chunks))


def _whole(response: http.client.HTTPResponse, chunks: list[bytes]) -> None:
    """Refuses an answer that was cut off, which ``read1`` does not tell."""
    if response.length:
        raise http.client.IncompleteRead(b"".join(chunks), response.length)
    # Older versions of Python notice the end only here, and without it the connection cannot be used again.
    response.read()


def _limit(connection: http.client.HTTPConnection, deadline: float) -> None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise socket.timeout("timed out")
    if connection.sock is not None:
        connection.sock.settimeout(remaining)
