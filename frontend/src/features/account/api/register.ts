import { api, ask } from "@/api/client";
import type { Registration } from "@/api/schema";

/** Makes an account, without signing in. The same again, with the same password, is the same account. */
export function register(body: Registration) {
  return ask((signal) => api.POST("/v1/accounts", { body, signal }));
}
