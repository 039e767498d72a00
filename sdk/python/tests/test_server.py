"""Against a server, which COURIERX_BASE_URL and COURIERX_API_KEY name."""

from __future__ import annotations

import os
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from courierx import (
    AuthenticationError,
    ConflictError,
    CourierX,
    CourierXError,
    NotFoundError,
    PermissionError,
    ValidationError,
    WebhookVerificationError,
    verify_webhook,
)

NOBODY = "01920000-0000-7000-8000-000000000000"


def message(subject: str) -> Any:
    return {"from_email": "a@a.example", "to": "ada@example.com", "subject": subject, "text": "Hello"}


class Server(unittest.TestCase):
    courierx: CourierX

    @classmethod
    def setUpClass(cls) -> None:
        assert os.environ.get("COURIERX_BASE_URL"), "`cargo test -p courierx-server sdk` starts a server"
        cls.courierx = CourierX()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.courierx.close()

    def test_an_email_is_sent_found_and_told_of(self) -> None:
        sent = self.courierx.emails.send(
            **message("Grüße, {{name}} 🎉"),
            from_name="Ännie",
            cc=["c@example.com"],
            bcc="d@example.com",
            tags=["first"],
            variables={"name": "Ada"},
            metadata={"user_id": "u"},
            headers={"X-Shop": "7"},
            attachments=[{"filename": "bytes.bin", "content": bytes(range(256)), "content_type": "application/x-bytes"}],
        )
        self.assertEqual((sent["id"], sent["status"]), (sent["email"]["id"], "queued"))
        # The sandbox waits for what is on its way.
        caught = next(one for one in self.courierx.sandbox.list() if one["id"] == sent["id"])
        self.assertEqual(caught["subject"], "Grüße, Ada 🎉")
        self.assertEqual(caught["recipients"], ["ada@example.com", "c@example.com", "d@example.com"])
        file = {"filename": "bytes.bin", "content_type": "application/x-bytes", "bytes": 256}
        self.assertEqual(caught["attachments"], [file])
        full = self.courierx.emails.get(sent["id"])
        self.assertEqual((full["metadata"]["user_id"], full["from_name"]), ("u", "Ännie"))
        self.assertIn("queued", [event["event_type"] for event in full["events"]])
        since = datetime.now(timezone.utc) - timedelta(minutes=1)
        found = self.courierx.emails.list(tag="first", recipient="ada@", since=since)
        self.assertEqual(([one["id"] for one in found], found.total), ([sent["id"]], 1))

    def test_the_same_key_is_the_same_message_and_no_other_one(self) -> None:
        emails = self.courierx.emails
        first = emails.send(**message("once"), idempotency_key="python-once")
        again = emails.send(**message("once"), idempotency_key="python-once")
        self.assertEqual(again["id"], first["id"])
        self.assertRaises(ConflictError, emails.send, **message("other"), idempotency_key="python-once")

    def test_dates_are_moved_and_messages_canceled(self) -> None:
        later = self.courierx.emails.send(**message("later"), scheduled_at="in 2 hours")
        self.assertEqual(later["status"], "scheduled")
        tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
        moved = self.courierx.emails.reschedule(later["id"], tomorrow)
        self.assertEqual((moved["scheduled_at"] or "")[:19], tomorrow.isoformat()[:19])
        self.assertEqual(self.courierx.emails.cancel(later["id"])["status"], "canceled")
        self.assertEqual(self.courierx.emails.reconcile(later["id"])["action"], "terminal")
        self.assertFalse(self.courierx.emails.reconcile_stale()["truncated"])

    def test_a_batch_tells_of_each(self) -> None:
        emails = self.courierx.emails
        wrong: Any = {**message("two"), "to": "nobody"}
        result = emails.batch([message("one"), wrong])
        self.assertEqual((result["accepted"], result["refused"]), (1, 1))
        self.assertEqual(result["results"][1]["code"], "validation_error")
        own: Any = {**message("own key"), "idempotency_key": "python-own"}
        once, twice = emails.batch([own]), emails.batch([own])
        self.assertEqual(once["results"][0]["id"], twice["results"][0]["id"])
        news = message("news {{name}}")
        del news["to"]
        people: Any = [{"email": f"{name}@example.com", "variables": {"name": name}} for name in "xy"]
        first = emails.batch_to(people, **news, idempotency_key="python-news")
        again = emails.batch_to(people, **news, idempotency_key="python-news")
        self.assertEqual([one["id"] for one in first["results"]], [one["id"] for one in again["results"]])
        with self.assertRaises(ValidationError) as raised:
            emails.batch([wrong])
        self.assertEqual((raised.exception.code, len(raised.exception.body["results"])), ("batch_refused", 1))

    def test_lists_go_on_to_their_ends(self) -> None:
        pages: Any = [{**message(f"page {number}"), "tags": ["pages"]} for number in range(5)]
        self.courierx.emails.batch(pages)
        self.assertEqual(len({one["id"] for one in self.courierx.emails.iterate(tag="pages", per_page=2)}), 5)
        self.assertEqual(len(self.courierx.emails.list(tag="pages", page=3, per_page=2)), 1)

    def test_what_is_wrong_is_told_by_field(self) -> None:
        with self.assertRaises(ValidationError) as raised:
            self.courierx.emails.send(from_email="a@a.example", to="nobody", text="x")
        self.assertEqual(sorted(raised.exception.fields), ["subject", "to_email"])
        self.assertTrue(raised.exception.request_id)
        self.assertRaises(NotFoundError, self.courierx.emails.get, NOBODY)

    def test_threads_share_a_client(self) -> None:
        with ThreadPoolExecutor(8) as threads:
            sent = list(threads.map(lambda n: self.courierx.emails.send(**message(f"thread {n}"))["id"], range(40)))
        self.assertEqual(len(set(sent)), 40)

    def test_what_happened_is_listed_and_told_as_it_happens(self) -> None:
        sent = self.courierx.emails.send(from_email="a@a.example", to="ada@example.com", subject="events", text="Hello")
        seen: list[Any] = []
        for event in self.courierx.events.stream(after=0, message_id=sent["id"]):
            seen.append(event)
            if event["event"] == "delivered":
                break
        self.assertEqual([event["event"] for event in seen], ["queued", "sent", "delivered"])
        self.assertEqual(seen[0]["subject"], "events")
        page = self.courierx.events.list(message_id=sent["id"], limit=2)
        self.assertEqual((page["data"], page["has_more"]), (seen[:2], True))
        rest = self.courierx.events.list(after=page["next_cursor"], message_id=sent["id"], events=["delivered"])
        self.assertEqual((rest["data"], rest["has_more"]), (seen[2:], False))

    def test_templates(self) -> None:
        templates = self.courierx.templates
        made = templates.create(
            name="Python",
            subject="Order {{order}}",
            html="<p>{{name}}</p>",
            variables=[{"name": "order", "required": True}],
        )
        preview = templates.preview(made["id"], {"order": 7})
        self.assertEqual((preview["subject"], preview["missing_variables"]), ("Order 7", ["name"]))
        self.assertEqual(templates.publish(made["id"])["version"], 1)
        variables = {"order": 7, "name": "Ada"}
        choices: list[Any] = [{"template_id": made["id"]}, {"template": "Python"}]
        for choice in choices:
            sent = self.courierx.emails.send(
                from_email="a@a.example", to="ada@example.com", variables=variables, **choice
            )
            self.assertEqual(self.courierx.sandbox.get(sent["id"])["subject"], "Order 7")
        self.assertTrue(templates.update(made["id"], description="d", text="t")["has_draft"])
        copy = templates.duplicate(made["id"])
        self.assertEqual(len(templates.list(q="Python")), 2)
        templates.delete(copy["id"])
        self.assertRaises(NotFoundError, templates.get, copy["id"])

    def test_keys(self) -> None:
        keys = self.courierx.api_keys
        key = keys.create("Python", rate_limit_per_minute=100)
        self.assertEqual((key["key"], key["rate_limit_per_minute"]), (key["raw_key"], 100))
        self.assertIn(key["id"], [one["id"] for one in keys.list()])
        with CourierX(key["key"]) as client:
            client.domains.list()
            rotated = keys.rotate(key["id"], overlap_seconds=0)
            self.assertRaises(AuthenticationError, client.domains.list)
        with CourierX(rotated["key"]) as client:
            client.domains.list()
        self.assertEqual(keys.revoke(key["id"])["status"], "revoked")
        keys.delete(key["id"])
        with CourierX(keys.create("reads", scopes=["emails:read"])["key"]) as client:
            self.assertRaises(PermissionError, client.emails.send, **message("no"))

    def test_domains_and_suppressions(self) -> None:
        domains, suppressions = self.courierx.domains, self.courierx.suppressions
        domain = domains.create("python.example")
        self.assertEqual(domains.get(domain["id"])["verification_token"], domain["verification_token"])
        self.assertRaises(ValidationError, domains.create, "python.example")
        self.assertEqual(domains.update(domain["id"], dkim_selector="s1")["dkim_selector"], "s1")
        self.assertIn(domain["id"], [one["id"] for one in domains.iterate()])
        domains.delete(domain["id"])
        entry = suppressions.create("no@example.com", reason="bounce", note="n")
        found = suppressions.list(reason="bounce", email="no@example.com")
        self.assertEqual([one["id"] for one in found], [entry["id"]])
        with self.assertRaises(CourierXError) as raised:
            self.courierx.emails.send(**{**message("no"), "to": "no@example.com"})
        self.assertEqual(raised.exception.code, "suppressed")
        suppressions.delete(entry["id"])
        left = suppressions.create("no@example.com", topic="news")
        self.assertEqual([(one["id"], one["topic"]) for one in suppressions.list(topic="news")], [(left["id"], "news")])
        self.assertEqual(list(suppressions.iterate(topic="offers")), [])
        suppressions.delete(left["id"])

    def test_connections_and_rules(self) -> None:
        connections, rules = self.courierx.provider_connections, self.courierx.routing_rules
        made = connections.create(
            provider="sandbox", display_name="Python", daily_cap=5, rate_limit={"per_second": 3}
        )
        self.assertEqual((made["status"], made["daily_cap"]), ("active", 5))
        verification = connections.verify(made["id"])["verification"]
        self.assertTrue(verification and verification["verified"])
        self.assertIsNone(made["webhook"])
        self.assertRaises(ValidationError, connections.resync_webhook, made["id"])
        rule = rules.create(
            name="Python",
            strategy="weighted",
            match_tag=["a", "b"],
            match_metadata={"user_id": "1"},
            connections=[{"provider_connection_id": made["id"], "failover_only": True}],
        )
        self.assertTrue(rule["connections"][0]["failover_only"])
        self.assertEqual(rules.update(rule["id"], match_tag="c")["match_tag"], "c")
        explained = rules.explain(from_email="a@a.example", to="b@example.com", tags=["c"])
        self.assertTrue(explained["decision"]["action"])
        self.assertRaises(ConflictError, connections.delete, made["id"])
        rules.delete(rule["id"])
        self.assertIsNone(connections.update(made["id"], daily_cap=None)["daily_cap"])
        connections.delete(made["id"])

    def test_an_endpoint_is_told_and_knows_by_whom(self) -> None:
        told: list[tuple[bytes, Any]] = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append((self.rfile.read(int(self.headers["content-length"])), self.headers))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        webhooks = self.courierx.webhooks
        with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
            threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}).start()
            try:
                made = webhooks.create(f"http://127.0.0.1:{receiver.server_port}/hook", ["bounced"])
                self.assertEqual([one["id"] for one in webhooks.list()], [made["id"]])
                self.assertTrue(webhooks.test(made["id"])["delivery"]["success"])
                event = verify_webhook(*told[0], made["secret"])
                self.assertEqual((event["event"], event["data"]["test"]), ("bounced", True))
                rotated = webhooks.rotate_secret(made["id"])
                webhooks.test(made["id"])
            finally:
                receiver.shutdown()
        for secret in (made["secret"], rotated["secret"]):
            verify_webhook(*told[1], secret)
        self.assertRaises(WebhookVerificationError, verify_webhook, *told[1], "another")
        self.assertEqual(len(webhooks.deliveries(made["id"], success=True)), 2)
        now = datetime.now(timezone.utc)
        self.assertEqual(webhooks.replay(made["id"], since=now - timedelta(days=1), until=now), 0)
        self.assertFalse(webhooks.update(made["id"], enabled=False)["is_active"])
        webhooks.delete(made["id"])
        self.assertRaises(NotFoundError, webhooks.get, made["id"])


if __name__ == "__main__":
    unittest.main()
