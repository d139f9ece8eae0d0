/** Longest that another tab is waited for, in milliseconds: longer than one request takes, and it may hang all the same. */
export const ALONE_WITHIN_MS = 15_000;

/**
 * Does something while no other tab of this browser does the same. Where the browser has no locks, gives none, or the other
 * tab does not come to an end (it may be frozen), it is done all the same: two tabs send the same key then, which is harmless.
 */
export async function alone(name: string, work: () => Promise<void>): Promise<void> {
  let begun = false;
  const bound = new AbortController();
  const timer = setTimeout(() => bound.abort(), ALONE_WITHIN_MS);
  try {
    if ("locks" in navigator) {
      await navigator.locks.request(name, { signal: bound.signal }, () => {
        begun = true;
        clearTimeout(timer);
        return work();
      });
      return;
    }
  } catch (error) {
    if (begun) throw error;
  } finally {
    clearTimeout(timer);
  }
  await work();
}
