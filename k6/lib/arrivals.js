// When somebody was meant to come. Load is open: people come whether or not earlier ones were answered, and what they wait is
// counted from the moment they were meant to come, so a slow system cannot hide behind a generator that fell behind.

import exec from "k6/execution";

/** So many a second, and for how long; `options` go to the executor as they are. */
export function steady(perSecond, forSeconds, options = {}) {
  return {
    executor: "constant-arrival-rate",
    rate: perSecond,
    timeUnit: "1s",
    duration: `${forSeconds}s`,
    ...generators(perSecond),
    ...options,
  };
}

/** From a rate through stages of `[rate at its end, seconds]`. */
export function ramp(from, stages, options = {}) {
  return {
    executor: "ramping-arrival-rate",
    startRate: from,
    timeUnit: "1s",
    stages: stages.map(([target, forSeconds]) => ({ target, duration: `${forSeconds}s` })),
    ...generators(Math.max(from, ...stages.map(([target]) => target))),
    ...options,
  };
}

/** How many come in all. */
export function rampTotal(from, stages) {
  let total = 0;
  let rate = from;
  for (const [target, forSeconds] of stages) {
    total += ((rate + target) / 2) * forSeconds;
    rate = target;
  }
  return Math.floor(total);
}

/** When this shopper was meant to come, where so many come a second: milliseconds since 1970. */
export function steadyDue(perSecond) {
  return exec.scenario.startTime + (exec.scenario.iterationInTest * 1000) / perSecond;
}

/** The same on a ramp: when the area below the rate has grown to this shopper's number. */
export function rampDue(from, stages) {
  let left = exec.scenario.iterationInTest + 1;
  let [begun, rate] = [0, from];
  for (const [target, forSeconds] of stages) {
    const area = ((rate + target) / 2) * forSeconds;
    if (left <= area) {
      const slope = (target - rate) / forSeconds;
      // The positive root of slope/2 t² + rate t = left; written so that it holds for a slope of zero too.
      const into = (2 * left) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * slope * left)));
      return exec.scenario.startTime + (begun + into) * 1000;
    }
    left -= area;
    begun += forSeconds;
    rate = target;
  }
  return Date.now();
}

/**
 * Virtual users are bounded, and there are enough for a standstill of two seconds and more: one that is missing is a dropped
 * iteration. Those are promised not to be, and where there are some, times are told too long: k6 does not number them, so
 * whoever comes later seems to have been meant earlier.
 */
function generators(perSecond) {
  const planned = Math.min(600, Math.max(100, 2 * perSecond));
  return { preAllocatedVUs: planned, maxVUs: 2 * planned };
}
