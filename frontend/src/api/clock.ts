/**
 * The server's time, as well as a page can know it.
 *
 * A shopper's own clock may be wrong by minutes, and may be set while the page is open. So it is never asked: what passes
 * is measured by the page's monotonic clock, from an instant that the server told.
 *
 * An answer that took `t` milliseconds was made somewhere in between, so it is known to `t / 2`. The closest reading
 * wins; but readings age, because two clocks run apart, at worst by about 50 ms in 1,000 s.
 */
const DRIFT = 50e-6;

interface Reading {
  /** Server time less monotonic time, in milliseconds. */
  readonly offset: number;
  /** By how much it may be off, in milliseconds, when it was taken. */
  readonly error: number;
  /** When it was taken, by the monotonic clock. */
  readonly at: number;
}

export class ServerClock {
  #best: Reading | undefined;
  readonly #monotonic: () => number;
  readonly #fallback: () => number;

  constructor(monotonic: () => number = () => performance.now(), fallback: () => number = Date.now) {
    this.#monotonic = monotonic;
    this.#fallback = fallback;
  }

  /** The monotonic time in milliseconds; take it before a request is sent, for `learn`. */
  monotonic(): number {
    return this.#monotonic();
  }

  /** Learns from an answer: what time the server wrote into it, and when the request was sent and the answer came, by `monotonic`. */
  learn(serverTime: string, sentAt: number, at: number = this.#monotonic()): void {
    const server = Date.parse(serverTime);
    if (Number.isNaN(server)) return;
    const error = Math.max(0, at - sentAt) / 2;
    const reading = { offset: server + error - at, error, at };
    if (this.#best === undefined || error <= this.#error(at) || this.#contradicts(reading)) this.#best = reading;
  }

  /** Learns from something that the server sent by itself: by then it is at least that late. */
  hear(serverTime: string): void {
    const server = Date.parse(serverTime);
    if (Number.isNaN(server)) return;
    const at = this.#monotonic();
    if (this.#best === undefined || server > this.#best.offset + at) {
      this.#best = { offset: server - at, error: this.#error(at), at };
    }
  }

  /** Whether the server was heard; until then `now` is as wrong as the shopper's own clock. */
  get heard(): boolean {
    return this.#best !== undefined;
  }

  /** The server's time in milliseconds since 1970; the shopper's own clock until the server was heard. */
  now(): number {
    return this.#best === undefined ? this.#fallback() : this.#best.offset + this.#monotonic();
  }

  /** Whether both cannot be true: the monotonic clock stood still while the machine slept. */
  #contradicts({ offset, error, at }: Reading): boolean {
    return this.#best !== undefined && Math.abs(offset - this.#best.offset) > error + this.#error(at);
  }

  #error(at: number): number {
    return this.#best === undefined ? Number.POSITIVE_INFINITY : this.#best.error + (at - this.#best.at) * DRIFT;
  }
}

/** The clock of this page. */
export const serverClock = new ServerClock();
