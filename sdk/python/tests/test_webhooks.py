"""Whether webhooks are the server's. The clients in all languages agree on these."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

from courierx import WebhookVerificationError, verify_webhook

VECTORS = json.loads((Path(__file__).parents[2] / "webhook-vectors.json").read_text(encoding="utf-8"))


class Webhooks(unittest.TestCase):
    def test_the_vectors(self) -> None:
        for one in VECTORS["cases"]:
            timestamp, body = one.get("timestamp", VECTORS["timestamp"]), one.get("body", VECTORS["body"])
            names = {"X-CourierX-Timestamp": timestamp, "X-CourierX-Signature": one["signature"]}
            forms: list[Any] = [names, {name.lower(): text for name, text in names.items()}]
            forms.append({name: [text] for name, text in names.items()})
            for headers in forms:
                for raw in (body, body.encode()):
                    with self.subTest(one["name"]):
                        if one["ok"]:
                            event = verify_webhook(raw, headers, one["secrets"], now=one["at"])
                            self.assertEqual(event["event"], "delivered")
                        else:
                            with self.assertRaises(WebhookVerificationError):
                                verify_webhook(raw, headers, one["secrets"], now=one["at"])

    def test_what_is_missing_is_refused_and_misuse_is_told(self) -> None:
        good = {
            "x-courierx-timestamp": VECTORS["timestamp"],
            "x-courierx-signature": VECTORS["cases"][0]["signature"],
        }
        for name in good:
            for wrong in ({}, {name: ["a", "b"]}, {name: ""}):
                headers = {**{key: text for key, text in good.items() if key != name}, **wrong}
                self.assertRaises(WebhookVerificationError, verify_webhook, VECTORS["body"], headers, "s")
        self.assertRaises(TypeError, verify_webhook, json.loads(VECTORS["body"]), good, "s")
        self.assertRaises(ValueError, verify_webhook, VECTORS["body"], good, "")
        self.assertRaises(ValueError, verify_webhook, VECTORS["body"], good, [])


if __name__ == "__main__":
    unittest.main()
