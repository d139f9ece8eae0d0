import { type ClassValue, clsx } from "clsx";

/**
 * Joins class names. Of two utilities that set the same property none is sure to win: whoever takes a `className` takes
 * it for what they do not set themselves (place, width, space outside).
 */
export function classes(...names: ClassValue[]): string {
  return clsx(names);
}
