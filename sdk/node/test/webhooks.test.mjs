import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

import { WebhookVerificationError, verifyWebhook } from "@courierx/node"

// The clients in all languages agree on these.
const vectors = JSON.parse(readFileSync(new URL("../../webhook-vectors.json", import.meta.url), "utf8"))

for (const one of vectors.cases) {
  test(`a webhook ${one.name}`, () => {
    const [timestamp, body] = [one.timestamp ?? vectors.timestamp, one.body ?? vectors.body]
    const options = { now: new Date(one.at * 1000) }
    const named = (name, value) => ({ [name("X-CourierX-Timestamp")]: timestamp, [name("X-CourierX-Signature")]: value })
    const forms = [
      new Headers(named((name) => name, one.signature)),
      named((name) => name.toLowerCase(), one.signature),
      named((name) => name, [one.signature]),
    ]
    for (const headers of forms) {
      for (const raw of [body, Buffer.from(body)]) {
        const verify = () => verifyWebhook(raw, headers, one.secrets, options)
        if (one.ok) assert.equal(verify().event, "delivered")
        else assert.throws(verify, WebhookVerificationError)
      }
    }
  })
}

test("what is missing is refused, and misuse is told", () => {
  const good = { "x-courierx-timestamp": vectors.timestamp, "x-courierx-signature": vectors.cases[0].signature }
  for (const name of Object.keys(good)) {
    assert.throws(() => verifyWebhook(vectors.body, { ...good, [name]: undefined }, "s"), WebhookVerificationError)
    assert.throws(() => verifyWebhook(vectors.body, { ...good, [name]: ["a", "b"] }, "s"), WebhookVerificationError)
  }
  assert.throws(() => verifyWebhook(JSON.parse(vectors.body), good, "s"), TypeError)
  assert.throws(() => verifyWebhook(vectors.body, good, ""), TypeError)
  assert.throws(() => verifyWebhook(vectors.body, good, []), TypeError)
})
