/** Names that do not follow the rule. */
const NAMES: Record<string, string> = {
  from: "from_email",
  to: "to_email",
  html: "html_body",
  text: "text_body",
  rolling24hCap: "rolling_24h_cap",
}

/**
 * An object with the names of the API: `replyTo` is `reply_to`. What is inside of its values stays, as those names may be
 * yours, and names that are the API's already stay, too.
 */
export function toWire(fields: object): Record<string, unknown> {
  const named = Object.entries(fields).map(([name, value]) => [wireName(name), value])
  return Object.fromEntries(named)
}

/** Likewise for the parameters of a query, of which `from` and `to` are moments. */
export function toQuery(fields: object): Record<string, unknown> {
  const named = Object.entries(fields).map(([name, value]) => [snake(name), value])
  return Object.fromEntries(named)
}

function wireName(name: string): string {
  return NAMES[name] ?? snake(name)
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** A part of a path, whatever is in it. */
export function part(id: string): string {
  // Dots alone would lead out of the folder, written in whatever way.
  if (typeof id !== "string" || /^\.*$/.test(id)) throw new TypeError(`${JSON.stringify(id)} is no id`)
  return encodeURIComponent(id)
}
