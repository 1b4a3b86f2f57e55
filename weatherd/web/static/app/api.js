// Requests to the API, by addresses relative to the page. A signal aborts one whose response is no longer wanted.
export class Unavailable extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

export async function fetchJson(path, signal) {
  let response;
  try {
    response = await fetch(`api/v1/${path}`, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unavailable(navigator.onLine === false ? "This device is offline." : "weatherd cannot be reached.");
  }
  if (response.status === 401) {
    location.reload(); // to the sign-in form, and back here
    throw new Unavailable("Signed out.");
  }
  if (!response.ok) throw new Unavailable(`weatherd responded with an error (${response.status}).`, response.status);
  return response.json();
}

export function query(values) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") parameters.set(name, value);
  const text = parameters.toString().replaceAll("%2C", ",");
  return text && `?${text}`;
}
