import type { Problem } from "./schema";

/** Where the names of all refusals begin. */
const PREFIX = "https://sluice.dev/problems/";

type NameIn<T extends string> = T extends `https://sluice.dev/problems/${infer Name}` ? Name : never;

/** The name of any refusal that the API can give: whoever lists them all is told by the compiler when one is added. */
export type ProblemName = NameIn<Problem["type"]>;

/** The refusal of one name, with its numbers. */
export type ProblemOf<Name extends ProblemName> = Extract<Problem, { type: `https://sluice.dev/problems/${Name}` }>;

/** The stable name of a refusal, such as `sold-out`. */
export function nameOf(problem: Problem): ProblemName {
  return problem.type.slice(PREFIX.length) as ProblemName;
}

/** Whether a refusal has this name; tells the compiler which numbers it carries. */
export function is<Name extends ProblemName>(problem: Problem, name: Name): problem is ProblemOf<Name> {
  return nameOf(problem) === name;
}

/** Whether what an answer carries is a refusal of ours, and not what some proxy in between made up. */
export function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "type" in body && String(body.type).startsWith(PREFIX);
}

/** An honest no. Nothing is known to have gone wrong: the rule that refused says so, with its numbers. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** No answer of ours came: whatever was asked for may have been done. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** How long an answer asks to wait, in milliseconds. */
export function waitMsOf(error: unknown): number {
  return error instanceof Refused && "retryAfterSeconds" in error.problem ? error.problem.retryAfterSeconds * 1_000 : 0;
}

/** The refusal in an error of one name, if it is one. */
export function refusedAs<Name extends ProblemName>(error: unknown, name: Name): ProblemOf<Name> | undefined {
  return error instanceof Refused && is(error.problem, name) ? error.problem : undefined;
}
