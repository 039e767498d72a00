import assert from "node:assert/strict"
import { test } from "node:test"

import { AuthenticationError, CourierXError } from "@courierx/node"

import { answering, refusal } from "./support.mjs"

const headers = { "content-type": "text/event-stream" }
const event = (sequence) => `id: ${sequence}\nevent: sent\ndata: ${JSON.stringify({ sequence, event: "sent" })}\n\n`
const stream = (...frames) => ({ headers, body: frames.join("") })

test("a stream that is cut off goes on where it was", async () => {
  const answers = [
    refusal(503, "unavailable", { "retry-after": "0" }),
    stream("id: 6\nretry: 2000\n: \n\n", event(7), "id: 8\n: \n\n"),
    "drop",
    refusal(502, "gateway"),
    stream(event(9), "id: 10\nda"),
    stream(event(11)),
    refusal(401, "unauthorized"),
  ]
  await answering(answers, async (client, requests) => {
    const seen = []
    const reading = async () => {
      for await (const one of client.events.stream({ events: ["sent", "bounced"] })) seen.push(one.sequence)
    }
    await assert.rejects(reading(), AuthenticationError)
    assert.deepEqual(seen, [7, 9, 11])
    const last = requests.map((one) => one.headers["last-event-id"])
    assert.deepEqual(last, [undefined, undefined, "8", "8", "8", "9", "11"])
    assert.equal(requests[1].url, "/api/v1/events/stream?events=sent%2Cbounced")
  })
})

test("who stops reading ends the stream, and what is none is refused", async () => {
  await answering([stream(event(1), event(2))], async (client, requests) => {
    for await (const one of client.events.stream()) {
      assert.equal(one.sequence, 1)
      break
    }
    assert.equal(requests.length, 1)
  })
  await answering([{ body: {} }], async (client) => {
    const error = await client.events.stream().next().catch((error) => error)
    assert.ok(error instanceof CourierXError && error.code === "no_stream")
  })
})
