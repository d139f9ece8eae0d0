/** A landscape for something that has no picture: always the same one for the same name. */

export interface Drawing {
  /** Two hues of the sky, in degrees. */
  readonly hues: readonly [number, number];
  readonly sun: { readonly x: number; readonly y: number; readonly radius: number };
  /** Outlines of hills from the far one to the near one, on a ground of 400 by 300. */
  readonly hills: readonly string[];
}

const HILLS = 4;

/** Numbers from 0 to 1 that a name leads to, one after another (FNV-1a, then mulberry32: small, and good enough to look at). */
function numbersOf(name: string): () => number {
  let state = 0x811c9dc5;
  for (const letter of name) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function drawingOf(name: string): Drawing {
  const next = numbersOf(name);
  const between = (least: number, most: number) => Math.round(least + (most - least) * next());
  const hue = between(0, 359);
  const hues = [hue, (hue + between(30, 80)) % 360] as const;
  const sun = { x: between(90, 310), y: between(70, 130), radius: between(26, 44) };
  const hills = Array.from({ length: HILLS }, (_, index) => {
    const base = 150 + index * 36;
    const height = () => base + between(-26, 26);
    const [left, middle, right] = [height(), height(), height()];
    return `M0 ${left}C70 ${left - between(10, 50)} 130 ${middle + between(10, 40)} 200 ${middle}S330 ${right - between(10, 50)} 400 ${right}V300H0Z`;
  });
  return { hues, sun, hills };
}
