// The line to the service: calls, errors, streams.
const SILENCE_MS = 40000; // The service says that it is still there every 15 seconds.

class Fault extends Error {
  constructor(code, details) {
    super(code);
    Object.assign(this, details, { code });
  }
}

async function call(path, body, { headers, signal, method } = {}) {
  const { token } = memory.read();
  const sent = { "accept-language": language, ...headers };
  if (token) sent.authorization = `Bearer ${token}`;
  if (body) sent["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(SERVICE + path, {
      method: method || (body ? "POST" : "GET"), headers: sent, body: body && JSON.stringify(body), credentials: "omit", signal,
    });
  } catch {
    throw new Fault("no_network");
  }
  if (response.ok) return response;
  const error = (await response.json().catch(() => null))?.error;
  // A proxy's own page: the service is away.
  if (!error) throw new Fault(response.status > 499 ? "no_network" : "internal_error");
  throw new Fault(error.code, { ...error, retry_after_s: response.headers.get("retry-after") || 10 });
}

const read = async (path) => (await call(path)).json();

async function readEvents(response, controller, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const timer = setTimeout(() => controller.abort(), SILENCE_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const [, id, name, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)/.exec(block) || [];
        if (name) take(name, JSON.parse(data), id);
      }
    }
  } catch (error) {
    throw error instanceof SyntaxError ? new Fault("internal_error") : new Fault("no_network");
  }
}
