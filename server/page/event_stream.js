// Server-sent events (WHATWG HTML), read by fetch(): EventSource can't send a token.

/** The lines of a stream of bytes; one that has no end yet is kept until it has. */
async function* linesOf(body, onBytes) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * The events {id, type, data} of a response's body. One without an end is none. `onBytes` is called
 * whenever something came, a comment included.
 */
export async function* eventsOf(body, onBytes = () => {}) {
  let event = { id: null, type: "message", data: [] };
  for await (const line of linesOf(body, onBytes)) {
    if (line === "") {
      if (event.data.length > 0) yield { ...event, data: event.data.join("\n") };
      event = { id: null, type: "message", data: [] };
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") event.data.push(value);
    if (field === "event") event.type = value;
    if (field === "id") event.id = value;
  }
}
