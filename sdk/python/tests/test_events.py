"""Streams of events, and how they go on."""

from __future__ import annotations

import json
import unittest
from typing import Any

from courierx import AuthenticationError, CourierXError
from support import answering, refusal


def _event(sequence: int) -> str:
    return f"id: {sequence}\nevent: sent\ndata: {json.dumps({'sequence': sequence, 'event': 'sent'})}\n\n"


def _stream(*frames: str) -> dict[str, Any]:
    return {"headers": {"Content-Type": "text/event-stream"}, "body": "".join(frames)}


class Streams(unittest.TestCase):
    def test_one_that_is_cut_off_goes_on_where_it_was(self) -> None:
        answers = [
            refusal(503, "unavailable", Retry_After="0"),
            _stream("id: 6\nretry: 2000\n: \n\n", _event(7), "id: 8\n: \n\n"),
            "drop",
            refusal(502, "gateway"),
            _stream(_event(9), "id: 10\nda"),
            _stream(_event(11)),
            refusal(401, "unauthorized"),
        ]
        with answering(*answers) as (client, requests):
            seen = []
            with self.assertRaises(AuthenticationError):
                for event in client.events.stream(events=["sent", "bounced"]):
                    seen.append(event["sequence"])
            self.assertEqual(seen, [7, 9, 11])
            last = [one.headers["last-event-id"] for one in requests]
            self.assertEqual(last, [None, None, "8", "8", "8", "9", "11"])
            self.assertEqual(requests[1].url, "/api/v1/events/stream?events=sent%2Cbounced")

    def test_who_stops_reading_ends_it_and_what_is_none_is_refused(self) -> None:
        with answering(_stream(_event(1), _event(2))) as (client, requests):
            for event in client.events.stream():
                self.assertEqual(event["sequence"], 1)
                break
            self.assertEqual(len(requests), 1)
        with answering({"body": {}}) as (client, _), self.assertRaises(CourierXError) as refused:
            next(iter(client.events.stream()))
        self.assertEqual(refused.exception.code, "no_stream")


if __name__ == "__main__":
    unittest.main()
