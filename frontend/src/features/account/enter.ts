import { useMutation } from "@tanstack/react-query";
import { refusedAs } from "@/api/problem";
import { pauseMs } from "@/api/queries";
import { sessionChanged } from "@/api/session";
import { register } from "./api/register";
import { signIn } from "./api/sign-in";
import type { Mode, Typed } from "./credentials";

/** A way in: with what was typed, or as nobody. */
export type Way = { readonly mode: Mode; readonly typed: Typed } | { readonly mode: "guest" };

/** How often somebody who is told `busy` is taken to the door again: about twenty seconds in all. */
const TRIES = 6;

async function enter(way: Way): Promise<void> {
  if (way.mode === "guest") {
    await signIn({ guest: true });
  } else {
    const email = way.typed.email.trim();
    const { password } = way.typed;
    const name = way.typed.name.trim();
    // Registering again what was registered is no error, so whatever failed in between can be done again from here.
    if (way.mode === "register") await register({ email, password, ...(name === "" ? {} : { name }) });
    await signIn({ email, password });
  }
  await sessionChanged();
}

/**
 * Gets somebody in. Many people sign in when a sale opens, so `busy` is waited for and tried again; meanwhile `failureCount`
 * tells that it takes longer. Everything else is told at once.
 */
export function useEnter(onEntered: () => void) {
  return useMutation({
    mutationFn: enter,
    onSuccess: onEntered,
    retry: (failures, error) => refusedAs(error, "busy") !== undefined && failures < TRIES,
    retryDelay: (attempt, error) =>
      Math.max(pauseMs(attempt), (refusedAs(error, "busy")?.retryAfterSeconds ?? 0) * 1_000),
  });
}
