// What the server is asked, and how its answers and errors look.
// In: parameters. Out: promises of JSON documents (docs/json.md); an ApiError where there is none.

export class ApiError extends Error {
  constructor(message, { status = 0, kind = "", hint = "" } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status; // 0: no answer came at all
    this.kind = kind;
    this.hint = hint || "";
  }

  get isGone() {
    return this.status === 0;
  }

  get isRefused() {
    return this.status === 401;
  }
}

export const isAbort = (error) => error?.name === "AbortError";

// An answer of JSON, or an ApiError in the server's own words.
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError("the server does not answer", {
      hint: "it may have ended: start it again with photosearch serve",
    });
  }
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (isAbort(error)) throw error;
  }
  if (response.ok && body !== null) return body;
  const said = body?.error;
  throw new ApiError(said?.message || `the server answered ${response.status}`, {
    status: response.status,
    kind: said?.kind,
    hint: said?.hint || (response.status === 401 ? TOKEN_HINT : ""),
  });
}

export const TOKEN_HINT =
  "open the address that photosearch serve printed, with its token, once more";

// Lists become repeated parameters; what is empty is left out.
export function queryString(parameters) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "" && one !== false) made.append(name, one);
    }
  }
  const text = made.toString();
  return text && `?${text}`;
}

// asked: {q, like, unlike, sort, words, small, crop, k, offset, typing}; image: a Blob, one more example.
export function search(asked, { image = null, signal } = {}) {
  if (!image) return ask(`/api/search${queryString(asked)}`, { signal });
  return ask(`/api/similar${queryString(asked)}`, {
    method: "POST",
    body: image,
    headers: { "Content-Type": image.type || "application/octet-stream" },
    signal,
  });
}

export const photo = (id, { signal } = {}) => ask(`/api/photo/${id}`, { signal });
export const status = ({ signal } = {}) => ask("/api/status", { signal });
export const facets = (q, { signal } = {}) => ask(`/api/facets${queryString({ q })}`, { signal });
export const complete = (q, at, { signal } = {}) =>
  ask(`/api/complete${queryString({ q, at: String(at) })}`, { signal });
export const locate = (id, what, by = "", { signal } = {}) =>
  ask(`/api/locate${queryString({ photo: id, what, by })}`, { signal });

export const openFolder = (id) =>
  ask("/api/open", {
    method: "POST",
    body: JSON.stringify({ photo: id }),
    headers: { "Content-Type": "application/json" },
  });

const PREVIEW_SIZES = [240, 480, 960, 1920];

// The smallest preview whose longer side has as many pixels as `pixels` CSS pixels take on this screen.
export function previewUrl(id, pixels) {
  const wanted = pixels * Math.min(window.devicePixelRatio || 1, 2);
  // A preview may be 15 % too small before anybody sees it; the next size has four times the bytes.
  const size = PREVIEW_SIZES.find((one) => one * 1.15 >= wanted) ?? PREVIEW_SIZES.at(-1);
  return `/api/photo/${id}/preview?size=${size}`;
}

export const imageUrl = (id) => `/api/photo/${id}/image`;
export const fileUrl = (id) => `/api/photo/${id}/file`;
