import { api, ask } from "@/api/client";

/** Has the browser forget its session. */
export function signOut() {
  return ask((signal) => api.DELETE("/v1/sessions/current", { signal }));
}
