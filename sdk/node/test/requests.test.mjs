import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { test } from "node:test"

import * as sdk from "@courierx/node"

import { KEY, MESSAGE, answering, refusal } from "./support.mjs"

const { CourierX, CourierXError, RateLimitError, ValidationError } = sdk

async function asked(use) {
  return answering([{ body: { id: "1" } }], async (client, requests) => {
    await use(client)
    return requests[0]
  })
}

test("a message has the names of the API, and what is yours stays", async () => {
  const request = await asked((client) =>
    client.emails.send({
      ...MESSAGE, fromName: "A", replyTo: "c@c.example", html: "<p>", templateId: "t", strictVariables: true,
      scheduledAt: new Date(0), metadata: { userId: "u" }, variables: { firstName: "Ada" }, tracking: { opens: true },
      attachments: [
        { filename: "a", content: new Uint8Array([104, 105]), contentType: "text/plain" },
        { content: Buffer.from("xhix").subarray(1, 3), contentId: "logo" },
        { filename: "b", content: "aGk=" }, { url: "https://a.example/b.pdf" },
      ],
    }))
  assert.equal(`${request.method} ${request.url}`, "POST /api/v1/emails")
  assert.equal(request.headers.authorization, `Bearer ${KEY}`)
  assert.match(request.headers["user-agent"], /^@courierx\/node/)
  assert.deepEqual(request.body, {
    from_email: "a@a.example", to_email: "b@b.example", subject: "Hello", text_body: "Hello", from_name: "A",
    reply_to: "c@c.example", html_body: "<p>", template_id: "t", strict_variables: true,
    scheduled_at: "1970-01-01T00:00:00.000Z", metadata: { userId: "u" }, variables: { firstName: "Ada" },
    tracking: { opens: true },
    attachments: [
      { filename: "a", content: "aGk=", content_type: "text/plain" }, { content: "aGk=", content_id: "logo" },
      { filename: "b", content: "aGk=" }, { url: "https://a.example/b.pdf" },
    ],
  })
})

test("an attachment is bytes or base64, and nothing by accident", async () => {
  await answering([{}], async (client, requests) => {
    assert.throws(() => client.emails.send({ ...MESSAGE, attachments: [{ filename: "a", content: 7 }] }), TypeError)
    assert.equal(requests.length, 0)
  })
})

test("webhook endpoints", async () => {
  const endpoint = { url: "https://a.example/hook", events: ["delivered"] }
  const created = await asked((client) => client.webhooks.create({ ...endpoint, enabled: false }))
  assert.equal(created.url, "/api/v1/webhook_endpoints")
  assert.deepEqual(created.body, { ...endpoint, is_active: false })
  const changed = await asked((client) => client.webhooks.update("w/1", { description: null }))
  assert.equal(`${changed.method} ${changed.url}`, "PATCH /api/v1/webhook_endpoints/w%2F1")
  assert.deepEqual(changed.body, { description: null })
})

test("connections and rules", async () => {
  const connection = await asked((client) =>
    client.providerConnections.create({
      provider: "smtp", displayName: "S", smtpHost: "h", rolling24hCap: 5, rateLimit: { perSecond: 2 }, dailyCap: null,
    }))
  assert.deepEqual(connection.body, {
    provider: "smtp", display_name: "S", smtp_host: "h", rolling_24h_cap: 5, rate_limit: { per_second: 2 }, daily_cap: null,
  })
  const rule = await asked((client) =>
    client.routingRules.create({
      name: "r", strategy: "weighted", matchMetadata: { userId: "1" },
      connections: [{ providerConnectionId: "c", failoverOnly: true }],
    }))
  assert.deepEqual(rule.body.match_metadata, { userId: "1" })
  assert.deepEqual(rule.body.connections, [{ provider_connection_id: "c", failover_only: true }])
})

test("an id cannot lead elsewhere", async () => {
  const request = await asked((client) => client.emails.get("../domains?x#y"))
  assert.equal(request.url, "/api/v1/emails/..%2Fdomains%3Fx%23y")
  const client = new CourierX({ apiKey: KEY })
  for (const id of ["", ".", "..", undefined]) assert.throws(() => client.domains.delete(id), TypeError)
})

test("what a refusal says is in the error", async () => {
  const details = { subject: ["is missing"] }
  const body = { error: "subject is missing", code: "validation_error", errors: ["subject is missing"], details }
  await answering([{ status: 422, headers: { "x-request-id": "r-1" }, body }], async (client) => {
    const error = await client.emails.send(MESSAGE).catch((error) => error)
    assert.ok(error instanceof ValidationError && error instanceof CourierXError && error instanceof Error)
    assert.equal(error.name, "ValidationError")
    assert.deepEqual(error.fields, details)
    assert.deepEqual([error.status, error.code, error.requestId], [422, "validation_error", "r-1"])
    assert.deepEqual(error.errors, ["subject is missing"])
  })
  const classes = {
    400: "ValidationError", 401: "AuthenticationError", 403: "PermissionError", 404: "NotFoundError",
    409: "ConflictError", 413: "ValidationError", 418: "CourierXError", 500: "ServerError",
  }
  for (const [status, name] of Object.entries(classes)) {
    await answering([refusal(Number(status), "c")], async (client) => {
      const error = await client.domains.get("1", { maxRetries: 0 }).catch((error) => error)
      assert.deepEqual([error.name, error.message, error.code], [name, "no: c", "c"])
      assert.ok(error instanceof sdk[name])
    })
  }
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  await answering([refusal(429, "c", { "retry-after": date })], async (client) => {
    const error = await client.domains.get("1").catch((error) => error)
    assert.ok(error instanceof RateLimitError && error.retryAfter > 3590 && error.retryAfter <= 3600)
  })
  await answering([{ status: 200, body: "<html>" }], async (client) => {
    await assert.rejects(client.domains.get("1"), { code: "not_json" })
  })
})

test("a page is an array, and a list is all of its pages", async () => {
  const items = Array.from({ length: 5 }, (_, index) => ({ id: String(index) }))
  const page = (request) => {
    const query = new URL(request.url, "http://a").searchParams
    const [page, perPage] = [Number(query.get("page") ?? 1), Number(query.get("per_page") ?? 25)]
    // Something new comes in while the first page is read.
    const now = page === 1 ? items : [{ id: "new" }, ...items]
    return {
      headers: {
        "x-total-count": now.length, "x-page": page, "x-per-page": perPage,
        "x-total-pages": Math.ceil(now.length / perPage),
      },
      body: now.slice((page - 1) * perPage, page * perPage),
    }
  }
  await answering([page], async (client, requests) => {
    const list = client.emails.list({ from: new Date(0), perPage: 2 })
    assert.equal(requests.length, 0)
    const first = await list
    assert.deepEqual([first.length, first.total, first.page, first.perPage, first.totalPages], [2, 5, 1, 2, 3])
    assert.ok(Array.isArray(first))
    assert.deepEqual(first.map((one) => one.id), ["0", "1"])
    assert.equal(requests[0].url, "/api/v1/emails?from=1970-01-01T00%3A00%3A00.000Z&per_page=2")
    const seen = []
    for await (const one of client.emails.list({ perPage: 2 })) seen.push(one.id)
    assert.deepEqual(seen, ["0", "1", "2", "3", "4"])
    const all = []
    for await (const one of client.emails.list()) all.push(one.id)
    assert.equal(all.length, 5)
    assert.equal(requests.at(-1).url, "/api/v1/emails?page=1&per_page=100")
  })
})

test("a client needs a key and an address", () => {
  const environment = { ...process.env }
  try {
    delete process.env.COURIERX_API_KEY
    assert.throws(() => new CourierX(), /COURIERX_API_KEY/)
    assert.throws(() => new CourierX({ apiKey: "cxk_live_ä" }), (error) => !error.message.includes("cxk"))
    for (const baseUrl of ["localhost:4000", "ftp://a.example", "a"]) {
      assert.throws(() => new CourierX({ apiKey: KEY, baseUrl }), CourierXError)
    }
  } finally {
    Object.assign(process.env, environment)
  }
})

test("the path of the API may stand in the address or not", async () => {
  await answering([{ body: [] }], async (client, requests) => {
    await client.domains.list()
    const baseUrl = `http://${requests[0].headers.host}/api/v1/`
    await new CourierX({ apiKey: KEY, baseUrl }).domains.list()
    assert.deepEqual(requests.map((one) => one.url), ["/api/v1/domains", "/api/v1/domains"])
  })
})

test("CommonJS has the same", () => {
  const commonjs = createRequire(import.meta.url)("@courierx/node")
  assert.deepEqual(Object.keys(commonjs).sort(), Object.keys(sdk).sort())
  assert.ok(new commonjs.CourierX({ apiKey: KEY }).emails)
})
