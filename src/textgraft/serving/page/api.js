// Requests to the server. The token is in this variable only, so it is gone with the page.

const EXPIRED = "The server does not accept the token. Reload the page to enter another one.";

let token = "";

export function setToken(text) {
  token = text;
}

export class ApiError extends Error {
  constructor(status, message, retrySeconds = null) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }

  // Whether the same request may succeed later.
  get isTemporary() {
    return this.status === 429 || (this.status === 503 && this.retrySeconds !== null);
  }
}

async function send(path, options) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached. Is it running?");
  }
  const content = await response.json().catch(() => null);
  if (response.ok && content !== null) return content;
  const retry = Number(response.headers.get("Retry-After") ?? NaN);
  const message = response.status === 401 ? EXPIRED : content?.error?.message ?? `The server answered with status ${response.status}.`;
  throw new ApiError(response.status, message, Number.isFinite(retry) ? retry : null);
}

export const get = (path) => send(path, { method: "GET" });

export const post = (path, body, signal) =>
  send(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal });

export function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

// As `post`, but waits as long as the server asks while it is busy; `onWait` gets the seconds.
export async function postPatiently(path, body, signal, onWait, attempts = 5) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(path, body, signal);
    } catch (error) {
      if (!error.isTemporary || attempt === attempts) throw error;
      onWait(error.retrySeconds ?? 1);
      await sleep(error.retrySeconds ?? 1, signal);
    }
  }
}
