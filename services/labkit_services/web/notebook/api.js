// Requests to the lab from a view.

/** Returns {send(method, path, body) -> Promise<{status, body}>}; `path` begins with "api/v1/". */
export function createApi() {
  return { send: async () => { throw new Error("this view cannot reach the lab"); } };
}
