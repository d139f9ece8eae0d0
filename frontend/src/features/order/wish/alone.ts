/**
 * Does something while no other tab of this browser does the same. Where the browser has no locks, or gives none, it is
 * done all the same: two tabs send the same key then, which is harmless.
 */
export async function alone(name: string, work: () => Promise<void>): Promise<void> {
  let begun = false;
  try {
    if ("locks" in navigator) {
      await navigator.locks.request(name, () => {
        begun = true;
        return work();
      });
      return;
    }
  } catch (error) {
    if (begun) throw error;
  }
  await work();
}
