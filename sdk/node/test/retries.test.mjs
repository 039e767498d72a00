import assert from "node:assert/strict"
import { test } from "node:test"
import { inspect } from "node:util"

import { ConnectionError, CourierX, NotFoundError, RateLimitError, ServerError, TimeoutError } from "@courierx/node"

import { KEY, MESSAGE, answering, refusal } from "./support.mjs"

const SENT = { status: 202, body: { id: "1", email: { id: "1" } } }
const keys = (requests) => new Set(requests.map((one) => one.headers["idempotency-key"]))

for (const [name, failures] of [
  ["a server that is away for a moment", [refusal(503, "unavailable", { "retry-after": "0" })]],
  ["too many requests", [refusal(429, "rate_limit_exceeded", { "retry-after": "0" })]],
  ["a gateway that fails", [{ status: 502, body: "<html>" }, { status: 504, body: "" }]],
  ["a connection that breaks", ["drop", "drop"]],
  ["no answer in time", ["hang"]],
]) {
  test(`a send outlives ${name}, as one message`, async () => {
    await answering([...failures, SENT], async (client, requests) => {
      const sent = await client.emails.send(MESSAGE, { timeout: failures[0] === "hang" ? 200 : 30_000 })
      assert.equal(sent.email.id, "1")
      assert.equal(requests.length, failures.length + 1)
      assert.equal(keys(requests).size, 1)
      assert.match([...keys(requests)][0], /^auto-[0-9a-f-]{36}$/)
    })
  })
}

test("each send has a key of its own, unless one is given", async () => {
  await answering([SENT], async (client, requests) => {
    await client.emails.send(MESSAGE)
    await client.emails.send(MESSAGE)
    await client.emails.send({ ...MESSAGE, idempotencyKey: "mine" })
    await client.emails.send(MESSAGE, { idempotencyKey: "mine too" })
    await client.emails.send({ ...MESSAGE, metadata: { idempotency_key: 7 } })
    await client.emails.batch([MESSAGE])
    const [first, second, ...others] = requests.map((one) => one.headers["idempotency-key"])
    assert.notEqual(first, second)
    assert.deepEqual(others.slice(0, 3), ["mine", "mine too", "7"])
    assert.match(others[3], /^auto-/)
    assert.equal(requests[2].body.idempotency_key, undefined)
  })
})

test("what is asked for is waited for, and not longer than makes sense", async () => {
  await answering([refusal(429, "rate_limit_exceeded", { "retry-after": "1" }), SENT], async (client) => {
    const start = performance.now()
    await client.emails.send(MESSAGE)
    assert.ok(performance.now() - start >= 995)
  })
  await answering([refusal(429, "rate_limit_exceeded", { "retry-after": "3600" })], async (client, requests) => {
    const error = await client.emails.send(MESSAGE).catch((error) => error)
    assert.ok(error instanceof RateLimitError)
    assert.equal(error.retryAfter, 3600)
    assert.equal(requests.length, 1)
  })
})

test("it gives up after as many retries as it may make", async () => {
  await answering([refusal(503, "unavailable")], async (client, requests) => {
    await assert.rejects(client.emails.send(MESSAGE), ServerError)
    assert.equal(requests.length, 3)
    await assert.rejects(client.emails.send(MESSAGE, { maxRetries: 0 }), ServerError)
    assert.equal(requests.length, 4)
  })
})

test("what is wrong is not tried again", async () => {
  for (const status of [400, 401, 403, 404, 409, 413, 422]) {
    await answering([refusal(status, "no")], async (client, requests) => {
      await assert.rejects(client.emails.send(MESSAGE), { status })
      assert.equal(requests.length, 1)
    })
  }
})

test("what is not repeatable is tried again only if it was certainly not done", async () => {
  await answering([refusal(503, "unavailable"), { status: 201, body: { id: "1" } }], async (client, requests) => {
    assert.equal((await client.domains.create("a.example")).id, "1")
    assert.equal(requests.length, 2)
  })
  for (const failure of ["drop", refusal(500, "internal_error"), refusal(502, "bad_gateway")]) {
    await answering([failure], async (client, requests) => {
      await assert.rejects(client.domains.create("a.example"))
      assert.equal(requests.length, 1)
    })
  }
})

test("a removal whose answer was lost is done", async () => {
  await answering(["drop", refusal(404, "not_found")], async (client, requests) => {
    await client.domains.delete("1")
    assert.equal(requests.length, 2)
  })
  await answering([refusal(503, "unavailable"), refusal(404, "not_found")], async (client) => {
    await assert.rejects(client.domains.delete("1"), NotFoundError)
  })
})

test("time is limited", async () => {
  await answering(["hang"], async (client) => {
    const error = await client.emails.list({}, { timeout: 50, maxRetries: 0 }).catch((error) => error)
    assert.ok(error instanceof TimeoutError && error instanceof ConnectionError)
    assert.equal(error.code, "timeout")
  })
})

test("a signal ends the request, and the wait for another one", async () => {
  await answering(["hang"], async (client) => {
    const signal = AbortSignal.timeout(50)
    await assert.rejects(client.emails.send(MESSAGE, { signal }), { name: "TimeoutError" })
    await assert.rejects(client.emails.send(MESSAGE, { signal }), { name: "TimeoutError" })
  })
  await answering([refusal(503, "unavailable", { "retry-after": "30" })], async (client, requests) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error("enough")), 100)
    await assert.rejects(client.emails.send(MESSAGE, { signal: controller.signal }), /enough/)
    assert.equal(requests.length, 1)
  })
})

test("nobody at home", async () => {
  const baseUrl = await answering([SENT], (client, requests) =>
    client.emails.send(MESSAGE).then(() => `http://${requests[0].headers.host}`))
  const client = new CourierX({ apiKey: KEY, baseUrl, retryDelay: 5 })
  const error = await client.domains.create("a.example").catch((error) => error)
  assert.ok(error instanceof ConnectionError)
  assert.equal(error.code, "ECONNREFUSED")
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(KEY))
  assert.ok(!inspect(client, { depth: 9, showHidden: true }).includes(KEY))
})

test("a redirect is not followed", async () => {
  await answering([{ status: 301, headers: { location: "http://127.0.0.1:1/" } }], async (client, requests) => {
    await assert.rejects(client.emails.send(MESSAGE), { status: 301 })
    assert.equal(requests.length, 1)
  })
})
