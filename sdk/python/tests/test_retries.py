"""What is tried again, and how often something is sent."""

from __future__ import annotations

import socket
import time
import unittest
from typing import Any

from courierx import (
    ConnectionError,
    CourierX,
    CourierXError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TimeoutError,
)
from support import KEY, MESSAGE, answering, refusal

SENT = {"status": 202, "body": {"id": "1", "email": {"id": "1"}}}


class Retries(unittest.TestCase):
    def test_a_send_outlives_what_passes_as_one_message(self) -> None:
        passing: dict[str, list[Any]] = {
            "a server that is away": [refusal(503, "unavailable", Retry_After="0")],
            "too many requests": [refusal(429, "rate_limit_exceeded", Retry_After="0")],
            "a gateway that fails": [{"status": 502, "body": "<html>"}, {"status": 504, "body": ""}],
            "a connection that breaks": ["drop", "drop"],
            "an answer that is cut off": ["cut"],
            "no answer in time": ["hang"],
        }
        for name, failures in passing.items():
            with self.subTest(name), answering(*failures, SENT) as (client, requests):
                timeout = 0.2 if failures == ["hang"] else 30
                self.assertEqual(client.emails.send(**MESSAGE, timeout=timeout)["id"], "1")
                self.assertEqual(len(requests), len(failures) + 1)
                keys = {one.headers["idempotency-key"] for one in requests}
                self.assertEqual(len(keys), 1)
                self.assertRegex(keys.pop(), r"^auto-[0-9a-f-]{36}$")

    def test_each_send_has_a_key_of_its_own_unless_one_is_given(self) -> None:
        with answering(SENT) as (client, requests):
            client.emails.send(**MESSAGE)
            client.emails.send(**MESSAGE)
            client.emails.send(**MESSAGE, idempotency_key="mine")
            client.emails.send(**MESSAGE, metadata={"idempotency_key": 7})
            client.emails.batch([MESSAGE])
            first, second, *others = [one.headers["idempotency-key"] for one in requests]
            self.assertNotEqual(first, second)
            self.assertEqual(others[:2], ["mine", "7"])
            self.assertTrue(others[2].startswith("auto-"))

    def test_what_is_asked_for_is_waited_for_and_not_longer_than_makes_sense(self) -> None:
        with answering(refusal(429, "rate_limit_exceeded", Retry_After="1"), SENT) as (client, _):
            start = time.monotonic()
            client.emails.send(**MESSAGE)
            self.assertGreaterEqual(time.monotonic() - start, 0.995)
        with answering(refusal(429, "rate_limit_exceeded", Retry_After="3600")) as (client, requests):
            with self.assertRaises(RateLimitError) as raised:
                client.emails.send(**MESSAGE)
            self.assertEqual(raised.exception.retry_after, 3600)
            self.assertEqual(len(requests), 1)

    def test_it_gives_up_after_as_many_retries_as_it_may_make(self) -> None:
        for most in (0, 2):
            with answering(refusal(503, "unavailable"), max_retries=most) as (client, requests):
                self.assertRaises(ServerError, client.emails.send, **MESSAGE)
                self.assertEqual(len(requests), most + 1)

    def test_what_is_wrong_is_not_tried_again(self) -> None:
        for status in (301, 400, 401, 403, 404, 409, 413, 422):
            with answering(refusal(status, "no")) as (client, requests):
                with self.assertRaises(CourierXError) as raised:
                    client.emails.send(**MESSAGE)
                self.assertEqual((raised.exception.status, len(requests)), (status, 1))

    def test_what_is_not_repeatable_is_tried_again_only_if_it_was_certainly_not_done(self) -> None:
        with answering(refusal(503, "unavailable"), {"status": 201, "body": {"id": "1"}}) as (client, requests):
            self.assertEqual(client.domains.create("a.example")["id"], "1")
            self.assertEqual(len(requests), 2)
        for failure in ("drop", "cut", refusal(500, "internal_error"), refusal(502, "bad_gateway")):
            with answering(failure) as (client, requests):
                self.assertRaises(CourierXError, client.domains.create, "a.example")
                self.assertEqual(len(requests), 1)

    def test_a_removal_whose_answer_was_lost_is_done(self) -> None:
        with answering("drop", refusal(404, "not_found")) as (client, requests):
            client.domains.delete("1")
            self.assertEqual(len(requests), 2)
        with answering(refusal(503, "unavailable"), refusal(404, "not_found")) as (client, _):
            self.assertRaises(NotFoundError, client.domains.delete, "1")

    def test_time_is_limited(self) -> None:
        with answering("hang", max_retries=0) as (client, _):
            with self.assertRaises(TimeoutError) as raised:
                client.emails.list(timeout=0.05)
            self.assertIsInstance(raised.exception, ConnectionError)
            self.assertEqual(raised.exception.code, "timeout")

    def test_nobody_at_home(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with self.assertRaises(ConnectionError) as raised:
                CourierX(KEY, base_url=base_url, retry_delay=0.005).domains.create("a.example")
        self.assertTrue(raised.exception.not_sent)
        self.assertNotIn(KEY, repr(vars(raised.exception)) + str(raised.exception))

    def test_connections_are_used_again_and_not_once_they_ended(self) -> None:
        with answering({}, {}, "drop", {}, max_retries=0) as (client, requests):
            client.domains.get("1")
            client.domains.get("1")
            self.assertRaises(ConnectionError, client.domains.get, "1")
            client.domains.get("1")
            ports = [one.port for one in requests]
            self.assertEqual(len(set(ports[:3])), 1)
            self.assertNotEqual(ports[2], ports[3])


if __name__ == "__main__":
    unittest.main()
