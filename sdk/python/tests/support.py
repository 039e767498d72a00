"""A tiny server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Iterator

from courierx import CourierX

KEY = "cxk_test_0123456789abcdef"
MESSAGE: Any = {"from_email": "a@a.example", "to": "b@b.example", "subject": "Hello", "text": "Hello"}


def refusal(status: int, code: str, **headers: str) -> dict[str, Any]:
    body = {"error": f"no: {code}", "code": code}
    return {"status": status, "body": body, "headers": {name.replace("_", "-"): text for name, text in headers.items()}}


@contextmanager
def answering(*answers: Any, **options: Any) -> Iterator[tuple[CourierX, list[SimpleNamespace]]]:
    """A client of a server that answers these one after the other, the last one again and again, and what it got.

    An answer is a dictionary with ``status``, ``body`` and ``headers``, ``"hang"`` (none), ``"drop"`` (the connection
    ends) or ``"cut"`` (it ends in the middle of the answer).
    """
    requests: list[SimpleNamespace] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen = SimpleNamespace(
                method=self.command,
                url=self.path,
                headers=self.headers,
                body=json.loads(text) if text else None,
                port=self.client_address[1],
            )
            requests.append(seen)
            answer = answers[min(len(requests), len(answers)) - 1]
            if callable(answer):
                answer = answer(seen)
            if answer in ("hang", "drop", "cut"):
                self.close_connection = True
                if answer == "hang":
                    over.wait(30)
                elif answer == "cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
                return
            body = answer.get("body", {})
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(answer.get("status", 200))
            for name, value in answer.get("headers", {}).items():
                self.send_header(name, str(value))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    options = {"retry_delay": 0.005, **options}
    try:
        with CourierX(KEY, base_url=f"http://127.0.0.1:{server.server_port}", **options) as client:
            yield client, requests
    finally:
        over.set()
        server.shutdown()
        server.server_close()
