import { api, ask } from "@/api/client";

/** Makes a session for somebody whom nobody knows. */
export function enterAsGuest() {
  return ask((signal) => api.POST("/v1/sessions", { body: { guest: true }, signal }));
}
