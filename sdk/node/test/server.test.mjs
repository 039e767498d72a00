// Against a server, which COURIERX_BASE_URL and COURIERX_API_KEY name.
import assert from "node:assert/strict"
import { createServer } from "node:http"
import { before, test } from "node:test"

import {
  AuthenticationError, ConflictError, CourierX, NotFoundError, PermissionError, ValidationError, verifyWebhook,
} from "@courierx/node"

const NOBODY = "01920000-0000-7000-8000-000000000000"
const message = (subject) => ({ from: "a@a.example", to: "ada@example.com", subject, text: "Hello" })
let courierx

before(() => {
  assert.ok(process.env.COURIERX_BASE_URL, "COURIERX_BASE_URL is not set: `cargo test -p courierx-server sdk` starts a server")
  courierx = new CourierX()
})

test("an email is sent, found, and told of", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  const sent = await courierx.emails.send({
    ...message("Grüße, {{name}} 🎉"), fromName: "Ännie", cc: ["c@example.com"], bcc: "d@example.com", tags: ["first"],
    variables: { name: "Ada" }, metadata: { userId: "u" }, headers: { "X-Shop": "7" },
    attachments: [{ filename: "bytes.bin", content: bytes, contentType: "application/x-bytes" }],
  })
  assert.equal(sent.id, sent.email.id)
  assert.equal(sent.status, "queued")
  // The sandbox waits for what is on its way.
  const caught = (await courierx.sandbox.list()).find((one) => one.id === sent.id)
  assert.equal(caught.subject, "Grüße, Ada 🎉")
  assert.deepEqual(caught.recipients, ["ada@example.com", "c@example.com", "d@example.com"])
  assert.deepEqual(caught.attachments, [{ filename: "bytes.bin", content_type: "application/x-bytes", bytes: 256 }])
  assert.equal((await courierx.sandbox.get(sent.id)).id, sent.id)
  const full = await courierx.emails.get(sent.id)
  assert.equal(full.metadata.userId, "u")
  assert.equal(full.from_name, "Ännie")
  assert.ok(full.events.some((event) => event.event_type === "queued"))
  const found = await courierx.emails.list({ tag: "first", recipient: "ada@", from: new Date(Date.now() - 60_000) })
  assert.deepEqual(found.map((one) => one.id), [sent.id])
  assert.equal(found.total, 1)
})

test("the same key is the same message, and no other one", async () => {
  const first = await courierx.emails.send({ ...message("once"), idempotencyKey: "node-once" })
  const again = await courierx.emails.send({ ...message("once"), idempotencyKey: "node-once" })
  assert.equal(again.id, first.id)
  await assert.rejects(courierx.emails.send({ ...message("other"), idempotencyKey: "node-once" }), ConflictError)
  const own = { ...message("metadata"), metadata: { idempotency_key: "node-metadata" } }
  assert.equal((await courierx.emails.send(own)).id, (await courierx.emails.send(own)).id)
})

test("dates are moved, and messages canceled", async () => {
  const later = await courierx.emails.send({ ...message("later"), scheduledAt: "in 2 hours" })
  assert.equal(later.status, "scheduled")
  const tomorrow = new Date(Date.now() + 86_400_000)
  const moved = await courierx.emails.reschedule(later.id, tomorrow)
  assert.equal(Date.parse(moved.scheduled_at), tomorrow.getTime())
  assert.equal((await courierx.emails.cancel(later.id)).status, "canceled")
  assert.equal((await courierx.emails.reconcile(later.id)).action, "terminal")
  assert.equal((await courierx.emails.reconcileStale()).truncated, false)
})

test("a batch tells of each", async () => {
  const result = await courierx.emails.batch([message("one"), { ...message("two"), to: "nobody" }])
  assert.deepEqual([result.accepted, result.refused], [1, 1])
  assert.equal(result.results[1].code, "validation_error")
  const { to, ...news } = message("news")
  const recipients = ["x", "y"].map((name) => ({ email: `${name}@example.com`, variables: { name } }))
  const options = { idempotencyKey: "node-news" }
  const first = await courierx.emails.batch({ ...news, recipients }, options)
  const again = await courierx.emails.batch({ ...news, recipients }, options)
  assert.deepEqual(again.results.map((one) => one.id), first.results.map((one) => one.id))
  const own = { ...message("own key"), idempotencyKey: "node-own" }
  const [once, twice] = [await courierx.emails.batch([own]), await courierx.emails.batch([own])]
  assert.equal(once.results[0].id, twice.results[0].id)
  const error = await courierx.emails.batch([{ ...message("no"), to: "nobody" }]).catch((error) => error)
  assert.ok(error instanceof ValidationError)
  assert.equal(error.code, "batch_refused")
  assert.equal(error.body.results.length, 1)
})

test("lists go on to their ends", async () => {
  const emails = Array.from({ length: 5 }, (_, index) => ({ ...message(`page ${index}`), tags: ["pages"] }))
  await courierx.emails.batch(emails)
  const seen = []
  for await (const email of courierx.emails.list({ tag: "pages", perPage: 2 })) seen.push(email.id)
  assert.equal(new Set(seen).size, 5)
  assert.equal((await courierx.emails.list({ tag: "pages", page: 3, perPage: 2 })).length, 1)
})

test("what is wrong is told by field", async () => {
  const error = await courierx.emails.send({ from: "a@a.example", to: "nobody", text: "x" }).catch((error) => error)
  assert.ok(error instanceof ValidationError)
  assert.deepEqual(Object.keys(error.fields).sort(), ["subject", "to_email"])
  assert.ok(error.requestId)
  await assert.rejects(courierx.emails.get(NOBODY), NotFoundError)
})

test("templates", async () => {
  const made = await courierx.templates.create({
    name: "Node", subject: "Order {{order}}", html: "<p>{{name}}</p>", category: "transactional",
    variables: [{ name: "order", required: true }],
  })
  const preview = await courierx.templates.preview(made.id, { variables: { order: 7 } })
  assert.equal(preview.subject, "Order 7")
  assert.deepEqual(preview.missing_variables, ["name"])
  assert.equal((await courierx.templates.publish(made.id)).version, 1)
  for (const template of [{ templateId: made.id }, { template: "Node" }]) {
    const { subject, text, ...envelope } = message()
    const sent = await courierx.emails.send({ ...envelope, ...template, variables: { order: 7, name: "Ada" } })
    assert.equal((await courierx.sandbox.get(sent.id)).subject, "Order 7")
  }
  assert.equal((await courierx.templates.update(made.id, { description: "d", text: "t" })).has_draft, true)
  const copy = await courierx.templates.duplicate(made.id)
  assert.equal((await courierx.templates.list({ q: "Node" })).length, 2)
  await courierx.templates.delete(copy.id)
  await assert.rejects(courierx.templates.get(copy.id), NotFoundError)
})

test("keys", async () => {
  const key = await courierx.apiKeys.create("Node")
  assert.equal(key.key, key.raw_key)
  assert.ok((await courierx.apiKeys.list()).some((one) => one.id === key.id))
  const client = new CourierX({ apiKey: key.key })
  await client.domains.list()
  const rotated = await courierx.apiKeys.rotate(key.id, { overlapSeconds: 0 })
  await assert.rejects(client.domains.list(), AuthenticationError)
  await new CourierX({ apiKey: rotated.key }).domains.list()
  assert.equal((await courierx.apiKeys.revoke(key.id)).status, "revoked")
  await courierx.apiKeys.delete(key.id)
  const reader = await courierx.apiKeys.create({ name: "reads", scopes: ["emails:read"], rateLimitPerMinute: 100 })
  assert.equal(reader.rate_limit_per_minute, 100)
  await assert.rejects(new CourierX({ apiKey: reader.key }).emails.send(message("no")), PermissionError)
})

test("domains and suppressions", async () => {
  const domain = await courierx.domains.create("node.example")
  assert.equal((await courierx.domains.get(domain.id)).verification_token, domain.verification_token)
  await assert.rejects(courierx.domains.create({ domain: "node.example" }), ValidationError)
  assert.equal((await courierx.domains.update(domain.id, { dkimSelector: "s1" })).dkim_selector, "s1")
  await courierx.domains.delete(domain.id)
  const entry = await courierx.suppressions.create({ email: "no@example.com", reason: "bounce", note: "n" })
  const found = await courierx.suppressions.list({ reason: "bounce", email: "no@example.com" })
  assert.deepEqual(found.map((one) => one.id), [entry.id])
  const error = await courierx.emails.send({ ...message("no"), to: "no@example.com" }).catch((error) => error)
  assert.equal(error.code, "suppressed")
  await courierx.suppressions.delete(entry.id)
  const left = await courierx.suppressions.create({ email: "no@example.com", topic: "news" })
  const about = await courierx.suppressions.list({ topic: "news" })
  assert.deepEqual(about.map((one) => [one.id, one.topic]), [[left.id, "news"]])
  assert.equal((await courierx.suppressions.list({ topic: "offers" })).length, 0)
  await courierx.suppressions.delete(left.id)
})

test("connections and rules", async () => {
  const made = await courierx.providerConnections.create({
    provider: "sandbox", displayName: "Node", dailyCap: 5, rateLimit: { perSecond: 3 },
  })
  assert.equal(made.status, "active")
  assert.equal(made.daily_cap, 5)
  assert.equal(made.rate_limit.per_second, 3)
  assert.equal((await courierx.providerConnections.verify(made.id)).verification.verified, true)
  assert.equal(made.webhook, null)
  await assert.rejects(courierx.providerConnections.resyncWebhook(made.id), ValidationError)
  const connections = [{ providerConnectionId: made.id, priority: 2, failoverOnly: true }]
  const rule = await courierx.routingRules.create({
    name: "Node", strategy: "weighted", matchTag: ["a", "b"], matchMetadata: { userId: "1" }, connections,
  })
  assert.equal(rule.connections[0].failover_only, true)
  assert.deepEqual(rule.match_metadata, { userId: "1" })
  assert.equal((await courierx.routingRules.update(rule.id, { matchTag: "c" })).match_tag, "c")
  const explained = await courierx.routingRules.explain({ from: "a@a.example", to: "b@example.com", tags: ["c"] })
  assert.ok(explained.decision.action)
  await assert.rejects(courierx.providerConnections.delete(made.id), ConflictError)
  await courierx.routingRules.delete(rule.id)
  assert.equal((await courierx.providerConnections.update(made.id, { dailyCap: null })).daily_cap, null)
  await courierx.providerConnections.delete(made.id)
})

test("an endpoint is told, and knows by whom", async () => {
  const told = []
  const receiver = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    told.push({ body: Buffer.concat(chunks), headers: request.headers })
    response.writeHead(204).end()
  })
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve))
  try {
    const url = `http://127.0.0.1:${receiver.address().port}/hook`
    const made = await courierx.webhooks.create({ url, events: ["bounced"], description: "Node" })
    assert.deepEqual((await courierx.webhooks.list()).map((one) => one.id), [made.id])
    assert.equal((await courierx.webhooks.test(made.id)).delivery.success, true)
    const event = verifyWebhook(told[0].body, told[0].headers, made.secret)
    assert.deepEqual([event.event, event.data.test], ["bounced", true])
    const rotated = await courierx.webhooks.rotateSecret(made.id)
    await courierx.webhooks.test(made.id)
    for (const secret of [made.secret, rotated.secret]) verifyWebhook(told[1].body, told[1].headers, secret)
    assert.throws(() => verifyWebhook(told[1].body, told[1].headers, "another"))
    assert.equal((await courierx.webhooks.deliveries(made.id, { success: true })).length, 2)
    assert.equal((await courierx.webhooks.replay(made.id, { from: new Date(0), to: new Date() })).events, 0)
    assert.equal((await courierx.webhooks.update(made.id, { enabled: false })).is_active, false)
    await courierx.webhooks.delete(made.id)
    await assert.rejects(courierx.webhooks.get(made.id), NotFoundError)
  } finally {
    receiver.closeAllConnections?.()
    receiver.close()
  }
})

test("what happened is listed, and told as it happens", async () => {
  const sent = await courierx.emails.send(message("events"))
  const seen = []
  for await (const event of courierx.events.stream({ after: 0, messageId: sent.id })) {
    seen.push(event)
    if (event.event === "delivered") break
  }
  assert.deepEqual(seen.map((event) => event.event), ["queued", "sent", "delivered"])
  assert.equal(seen[0].subject, "events")
  const page = await courierx.events.list({ messageId: sent.id, limit: 2 })
  assert.deepEqual([page.data, page.has_more], [seen.slice(0, 2), true])
  const rest = await courierx.events.list({ after: page.next_cursor, messageId: sent.id, events: ["delivered", "bounced"] })
  assert.deepEqual([rest.data, rest.has_more], [seen.slice(2), false])
  const controller = new AbortController()
  const none = courierx.events.stream({ events: ["complained"] }, { signal: controller.signal }).next()
  controller.abort(new Error("enough"))
  await assert.rejects(none, /enough/)
})
