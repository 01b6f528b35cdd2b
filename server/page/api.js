// Calls of the server's HTTP API. A server that asks for a token is answered with one that the
// person types in; it is kept in this tab's sessionStorage only.

const TOKEN_KEY = "swoosh.token";
const CALL_TIMEOUT_MS = 30_000;

/** The namespace that the page shows; "" is the default one. */
export const namespace = new URLSearchParams(location.search).get("namespace") ?? "";

export class ApiError extends Error {
  /** `status` is HTTP's, 0 where no answer came; `reason` is the contract's ErrorReason, or "", and
   *  `metadata` what stands beside it. */
  constructor(status, message, reason = "", metadata = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.metadata = metadata;
  }

  static async of(response) {
    const error = await response.json().catch(() => ({}));
    const info = error.details?.find((each) => each["@type"]?.endsWith("google.rpc.ErrorInfo"));
    const message = error.message ?? response.statusText;
    return new ApiError(response.status, message, info?.reason, info?.metadata);
  }
}

let asking = null;

/** Asks for a token; all who wait meanwhile get the same one. */
function askForToken(reason) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token-dialog");
    const form = dialog.querySelector("form");
    document.getElementById("token-reason").textContent = reason;
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener(
      "submit",
      () => {
        sessionStorage.setItem(TOKEN_KEY, form.elements.token.value.trim());
        form.reset();
        asking = null;
        resolve();
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

/**
 * The response to a GET, once it is a good one. Throws an ApiError, and what fetch() throws when
 * `signal` says to stop.
 */
export async function open(path, parameters = {}, { headers = {}, signal } = {}) {
  const query = new URLSearchParams();
  if (namespace && path.startsWith("/v1/")) query.set("namespace", namespace);
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) {
      if (each !== "" && each !== null && each !== undefined) query.append(name, each);
    }
  }
  const url = query.size ? `${path}?${query}` : path;
  while (true) {
    const token = sessionStorage.getItem(TOKEN_KEY);
    const sent = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
    let response;
    try {
      response = await fetch(url, { headers: sent, signal, cache: "no-store" });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, "the server can't be reached");
    }
    if (response.ok) return response;
    const error = await ApiError.of(response);
    if (error.status !== 401) throw error;
    // Another call may have been given a new token meanwhile.
    if (sessionStorage.getItem(TOKEN_KEY) === token) await askForToken(error.message);
  }
}

const withTimeout = () => ({ signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });

export const get = async (path, parameters) => (await open(path, parameters, withTimeout())).json();

export const getText = async (path) => (await open(path, {}, withTimeout())).text();

/** A segment of a path. The ids "." and ".." can't be asked for: browsers take them out. */
export const segment = (id) => encodeURIComponent(id);

const definitions = new Map();

/** For another history, where the same name may be another machine. */
export const forgetDefinitions = () => definitions.clear();

/** A machine's definition; a version never changes, so it is asked for once. */
export function definition(name, version) {
  const key = `${name}/${version}`;
  if (!definitions.has(key)) {
    const asked = get(`/v1/machines/${segment(name)}`, { version });
    definitions.set(key, asked);
    asked.catch(() => definitions.delete(key));
  }
  return definitions.get(key);
}
