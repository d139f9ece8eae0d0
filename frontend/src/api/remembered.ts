/**
 * What this browser remembers of how somebody likes the page. Some browsers remember nothing and throw when they are asked
 * to: then everything is as it is for a new reader.
 */
export function recalled(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It holds until the page is closed.
  }
}
