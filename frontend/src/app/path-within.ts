/** Stands for wherever this page is: any address of another origin is recognised by its not being this one. */
const HERE = "https://page.invalid";

/**
 * A path of this page to come back to, as a browser would spell it; anything else would send a reader elsewhere. The browser's
 * own parser decides, because it is what follows the address: it takes `/\\` and `/<tab>/` for the beginning of another site.
 */
export function pathWithin(value: unknown): string | undefined {
  if (typeof value !== "string" || !value.startsWith("/") || !URL.canParse(value, HERE)) return undefined;
  const { origin, pathname, search, hash } = new URL(value, HERE);
  // What began harmlessly may not when it is spelled out: `/.//` becomes `//`.
  if (pathname.startsWith("//")) return undefined;
  // Whoever comes from signing in does not want to sign in.
  return origin === HERE && pathname !== "/sign-in" ? pathname + search + hash : undefined;
}
