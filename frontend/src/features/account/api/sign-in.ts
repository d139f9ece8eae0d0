import { api, ask } from "@/api/client";
import type { SignIn } from "@/api/schema";

/** Signs in by password or as a guest. A page gets its session in a cookie, which it never sees. */
export function signIn(body: SignIn) {
  return ask((signal) => api.POST("/v1/sessions", { body, signal }));
}
