"""What goes over the wire, and what is made of answers."""

from __future__ import annotations

import os
import unittest
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Callable
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import courierx as sdk
from courierx import CourierX, CourierXError, RateLimitError, ValidationError
from support import KEY, MESSAGE, answering, refusal


def asked(use: Callable[[CourierX], Any]) -> Any:
    with answering({"body": {"id": "1"}}) as (client, requests):
        use(client)
        return requests[0]


class Requests(unittest.TestCase):
    def test_a_message_has_the_names_of_the_api_and_what_is_yours_stays(self) -> None:
        request = asked(
            lambda client: client.emails.send(
                **MESSAGE,
                html="<p>",
                scheduled_at=datetime(2030, 1, 31, tzinfo=timezone.utc),
                metadata={"to": "x"},
                attachments=[
                    {"filename": "a", "content": b"hi", "content_type": "text/plain"},
                    {"filename": "b", "content": "aGk="},
                    {"url": "https://a.example/b.pdf"},
                ],
            )
        )
        self.assertEqual((request.method, request.url), ("POST", "/api/v1/emails"))
        self.assertEqual(request.headers["authorization"], f"Bearer {KEY}")
        self.assertTrue(request.headers["user-agent"].startswith("courierx-python/"))
        expected = {
            "from_email": "a@a.example",
            "to_email": "b@b.example",
            "subject": "Hello",
            "text_body": "Hello",
            "html_body": "<p>",
            "scheduled_at": "2030-01-31T00:00:00+00:00",
            "metadata": {"to": "x"},
            "attachments": [
                {"filename": "a", "content": "aGk=", "content_type": "text/plain"},
                {"filename": "b", "content": "aGk="},
                {"url": "https://a.example/b.pdf"},
            ],
        }
        self.assertEqual(request.body, expected)

    def test_what_the_server_would_ignore_or_misunderstand_is_refused(self) -> None:
        client = CourierX(KEY)
        for wrong in (
            {"subjekt": "x"},
            {"attachments": [{"filename": "a", "contents": b""}]},
            {"attachments": [{"filename": "a", "content": 7}]},
        ):
            self.assertRaises(TypeError, client.emails.send, **{**MESSAGE, **wrong})
        self.assertRaises(TypeError, client.provider_connections.create, provider="smtp", host="h")
        self.assertRaises(ValueError, client.emails.send, **MESSAGE, scheduled_at=datetime(2030, 1, 31))
        self.assertRaises(TypeError, client.emails.send, **MESSAGE, variables={"a": object()})

    def test_webhook_endpoints(self) -> None:
        made = asked(lambda client: client.webhooks.create("https://a.example/h", ["delivered"], enabled=False))
        self.assertEqual(made.url, "/api/v1/webhook_endpoints")
        self.assertEqual(made.body, {"url": "https://a.example/h", "events": ["delivered"], "is_active": False})
        changed = asked(lambda client: client.webhooks.update("w/1", enabled=True))
        self.assertEqual((changed.method, changed.url), ("PATCH", "/api/v1/webhook_endpoints/w%2F1"))
        self.assertEqual(changed.body, {"is_active": True})

    def test_an_id_cannot_lead_elsewhere(self) -> None:
        request = asked(lambda client: client.emails.get("../domains?x#y"))
        self.assertEqual(request.url, "/api/v1/emails/..%2Fdomains%3Fx%23y")
        for wrong in ("", ".", "..", None):
            self.assertRaises(ValueError, CourierX(KEY).domains.delete, wrong)

    def test_what_a_refusal_says_is_in_the_error(self) -> None:
        details = {"subject": ["is missing"]}
        said = ["subject is missing"]
        body = {"error": said[0], "code": "validation_error", "errors": said, "details": details}
        with answering({"status": 422, "headers": {"X-Request-Id": "r-1"}, "body": body}) as (client, _):
            with self.assertRaises(ValidationError) as raised:
                client.emails.send(**MESSAGE)
        error = raised.exception
        self.assertEqual((error.fields, error.errors, str(error)), (details, said, said[0]))
        self.assertEqual((error.status, error.code, error.request_id), (422, "validation_error", "r-1"))

    def test_each_status_has_its_class(self) -> None:
        classes = {
            400: "ValidationError",
            401: "AuthenticationError",
            403: "PermissionError",
            404: "NotFoundError",
            409: "ConflictError",
            413: "ValidationError",
            418: "CourierXError",
            500: "ServerError",
        }
        for status, name in classes.items():
            with answering(refusal(status, "c"), max_retries=0) as (client, _):
                with self.assertRaises(CourierXError) as raised:
                    client.domains.get("1")
                self.assertIs(type(raised.exception), getattr(sdk, name))
                self.assertEqual((str(raised.exception), raised.exception.code), ("no: c", "c"))
        date = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
        with answering(refusal(429, "c", Retry_After=date)) as (client, _):
            with self.assertRaises(RateLimitError) as limited:
                client.domains.get("1")
            self.assertAlmostEqual(limited.exception.retry_after or 0, 3600, delta=10)
        with answering({"body": "<html>"}) as (client, _):
            with self.assertRaises(CourierXError) as raised:
                client.domains.get("1")
            self.assertEqual(raised.exception.code, "not_json")

    def test_a_page_is_a_list_and_iterate_gives_all_of_them(self) -> None:
        items = [{"id": str(number)} for number in range(5)]

        def page(request: Any) -> dict[str, Any]:
            query = parse_qs(urlsplit(request.url).query)
            number, per_page = int(query.get("page", ["1"])[0]), int(query.get("per_page", ["25"])[0])
            # Something new comes in while the first page is read.
            now = items if number == 1 else [{"id": "new"}, *items]
            headers = {
                "X-Total-Count": len(now),
                "X-Page": number,
                "X-Per-Page": per_page,
                "X-Total-Pages": -(-len(now) // per_page),
            }
            return {"headers": headers, "body": now[(number - 1) * per_page : number * per_page]}

        with answering(page) as (client, requests):
            first = client.emails.list(since=datetime(1970, 1, 1, tzinfo=timezone.utc), per_page=2)
            self.assertEqual((first.total, first.page, first.per_page, first.total_pages), (5, 1, 2, 3))
            self.assertEqual([one["id"] for one in first], ["0", "1"])
            self.assertEqual(requests[0].url, "/api/v1/emails?from=1970-01-01T00%3A00%3A00%2B00%3A00&per_page=2")
            self.assertEqual([one["id"] for one in client.emails.iterate(per_page=2)], list("01234"))
            self.assertEqual(len(list(client.emails.iterate())), 5)
            self.assertEqual(requests[-1].url, "/api/v1/emails?per_page=100&page=1")

    def test_a_client_needs_a_key_and_an_address(self) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("COURIERX_API_KEY", None)
            self.assertRaisesRegex(CourierXError, "COURIERX_API_KEY", CourierX)
            with self.assertRaises(CourierXError) as raised:
                CourierX("cxk_live_ä\n x")
            self.assertNotIn("cxk", str(raised.exception))
            for wrong in ("localhost:4000", "ftp://a.example", "http://", "http://a:99999"):
                self.assertRaises(CourierXError, CourierX, KEY, base_url=wrong)

    def test_the_path_of_the_api_may_stand_in_the_address_or_not(self) -> None:
        with answering({"body": []}) as (client, requests):
            client.domains.list()
            with CourierX(KEY, base_url=f"http://{requests[0].headers['host']}/api/v1/") as other:
                other.domains.list()
            self.assertEqual([one.url for one in requests], ["/api/v1/domains"] * 2)


if __name__ == "__main__":
    unittest.main()
