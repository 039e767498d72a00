// A tiny server that answers as it is told, and remembers what it was asked.
import { createServer } from "node:http"

import { CourierX } from "@courierx/node"

export const KEY = "cxk_test_0123456789abcdef"

/**
 * Calls `use` with a client of a server that answers these one after the other, the last one again and again, and with
 * the requests that it got. An answer is `{ status, body, headers }`, `"hang"` (none) or `"drop"` (the connection ends).
 */
export async function answering(answers, use, options = {}) {
  const requests = []
  const server = createServer(async (request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]
    const seen = { method: request.method, url: request.url, headers: request.headers }
    requests.push(seen)
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    seen.body = text === "" ? undefined : JSON.parse(text)
    const { status = 200, headers = {}, body = {} } = typeof answer === "function" ? answer(seen) : answer
    if (answer === "drop") return request.socket.destroy()
    if (answer === "hang") return
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body))
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const baseUrl = `http://127.0.0.1:${server.address().port}`
  const client = new CourierX({ apiKey: KEY, baseUrl, retryDelay: 5, ...options })
  try {
    return await use(client, requests)
  } finally {
    server.closeAllConnections?.()
    server.close()
  }
}

export const refusal = (status, code, headers = {}) => ({ status, headers, body: { error: `no: ${code}`, code } })
export const MESSAGE = { from: "a@a.example", to: "b@b.example", subject: "Hello", text: "Hello" }
