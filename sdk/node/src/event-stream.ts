/** What stands between two empty lines of a stream of events. */
export interface Frame {
  /** Where to go on after it. */
  id?: string
  /** Its lines of data, if it has any. */
  data?: string
}

/** More than any event has: what does not end is not kept. */
const LONGEST = 4 * 1024 * 1024

/** Reads server-sent events as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export async function* frames(body: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    // The server writes no other ends of lines.
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield read(text.slice(0, end))
      text = text.slice(end + 2)
    }
    if (text.length > LONGEST) throw new Error("an event has no end")
  }
}

function read(lines: string): Frame {
  const frame: Frame = {}
  for (const line of lines.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (name === "id") frame.id = value
    else if (name === "data") frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`
  }
  return frame
}
