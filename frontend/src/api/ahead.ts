/**
 * A question to the API that may be asked before whoever wants the answer is there, as a page asks for what it will show
 * before it has all of its scripts. The first who wants it gets that answer, whatever it is; everybody else asks anew.
 */
export class Ahead<Data> {
  #answer: Promise<Data> | undefined;
  readonly #request: (signal?: AbortSignal) => Promise<Data>;

  constructor(request: (signal?: AbortSignal) => Promise<Data>) {
    this.#request = request;
  }

  /** Asks, unless that was done and nobody has taken the answer. */
  askAhead(): void {
    this.#answer ??= this.#request();
    // Whoever takes it is told when it failed.
    this.#answer.catch(() => {});
  }

  /** The answer that was asked for ahead, once; else one of its own. */
  ask(signal?: AbortSignal): Promise<Data> {
    const answer = this.#answer;
    this.#answer = undefined;
    return answer ?? this.#request(signal);
  }
}
