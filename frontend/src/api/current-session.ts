import { Ahead } from "./ahead";
import { api, ask } from "./client";

/** Who is signed in, and how one can sign in: every page asks. */
export const currentSession = new Ahead((signal) =>
  ask((signal) => api.GET("/v1/sessions/current", { signal }), signal),
);
