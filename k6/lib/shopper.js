// A polite shopper: sends a wish with a key, and repeats it with the same key for as long as the answer is no answer: a lost
// connection, `202`, or a refusal that says that a retry helps now. It waits as long as it is told to.

import { sleep } from "k6";
import exec from "k6/execution";
import http from "k6/http";
import { answerMs, answers, gaveUp, idsUnmatched, ordersUnmatched, paidMs, settledMs, unexpected } from "./measures.js";
import { edges, sale, sessions } from "./run.js";

/** Longest that an attempt may take; an edge answers within ten seconds. */
const ATTEMPT = "15s";
/** How long a shopper keeps asking, in seconds. */
const PATIENCE = 30;
/** Pause after a connection was lost, in seconds. */
const PAUSE = 0.2;

/** The number that an order's id adds to a sum: 32 of its bits. */
export function idPart(id) {
  return Number.parseInt(id.slice(0, 8), 16);
}

/** The session of a customer; who comes more often than there are customers comes again as one of them. */
function session(customer) {
  return sessions[customer % sessions.length];
}

/** The edge that a shopper goes to: all in turn, and the next one after a try in vain. */
function edge(turn, attempt) {
  return edges[(turn + attempt) % edges.length];
}

function head(customer, key) {
  const headers = { Authorization: `Bearer ${session(customer)}`, "Content-Type": "application/json" };
  return key ? { ...headers, "Idempotency-Key": key } : headers;
}

/** The name of an answer, and what its body says. */
function read(answer) {
  if (answer.status === 0) return { name: "no-connection", body: {} };
  let body = {};
  try {
    body = answer.json() ?? {};
  } catch {
    return { name: "other", body };
  }
  if (answer.status === 201) return { name: "created", body };
  if (answer.status === 202) return { name: "accepted", body };
  if (answer.status === 200) return { name: "paid", body };
  const name = String(body.type ?? "")
    .split("/")
    .pop();
  return { name: name in answers && answer.status !== 500 ? name : "other", body };
}

/** Everything up to the last byte: getting a connection, which is what k6 calls blocked, and the request itself. */
function took({ timings }) {
  return timings.blocked + timings.duration;
}

/** How long the answer asks to wait, in seconds, spread a little so that a crowd does not come back as one. */
function pause(answer, body, attempt) {
  const told = Number(answer.headers["Retry-After"] ?? body.retryAfterSeconds ?? 0);
  const wait = told > 0 ? told : Math.min(1, PAUSE * (attempt + 1));
  return wait * (0.75 + Math.random() / 2);
}

/**
 * Sends the wishes of several customers at once and repeats each until its end is known.
 *
 * `due` is when they were meant to come, `quantity` how many units each wants, `waits` names refusals after which they come
 * back when they are told to, `patience` is in seconds, `from` says how many edges further they begin than others. Returns for
 * each `{customer, order}`, `{customer, refusal}`, or neither for who gave up.
 */
export function together(
  customers,
  { sku, due = Date.now(), quantity = 1, waits = [], patience = PATIENCE, from = 0 },
) {
  const ends = customers.map((customer, at) => {
    // Who sends several wishes sends them to all edges.
    const turn = from + customer + customers.slice(0, at).filter((other) => other === customer).length;
    return { customer, turn, key: crypto.randomUUID(), known: false };
  });
  const body = JSON.stringify({ sku, quantity });
  const until = due + patience * 1000;
  let meant = due;
  for (let attempt = 0; ; attempt++) {
    const open = ends.filter((end) => !end.known);
    const late = Math.max(0, Date.now() - meant);
    const requests = open.map(({ customer, turn, key }) => ({
      method: "POST",
      url: `${edge(turn, attempt)}/v1/sales/${sale}/orders`,
      body,
      params: { headers: head(customer, key), timeout: ATTEMPT, tags: { name: "claim" } },
    }));
    const came = requests.length === 1 ? [send(requests[0])] : http.batch(requests);
    let wait = 0;
    came.forEach((answer, at) => {
      const again = take(open[at], answer, late, attempt, waits);
      if (open[at].known) settledMs.add(Math.max(0, Date.now() - due));
      else wait = Math.max(wait, again);
    });
    if (ends.every((end) => end.known)) break;
    if (Date.now() + wait * 1000 > until) {
      gaveUp.add(ends.filter((end) => !end.known).length);
      break;
    }
    sleep(wait);
    meant = Date.now();
  }
  return ends;
}

/** One customer's wish: see [`together`]. */
export function buy(customer, wish) {
  return together([customer], wish)[0];
}

function send({ method, url, body, params }) {
  return http.request(method, url, body, params);
}

/** Takes an answer in; how long to wait before the next attempt, if one is needed. */
function take(end, answer, late, attempt, waits) {
  const { name, body } = read(answer);
  answers[name].add(1);
  if (name === "other") unexpected.add(1);
  answerMs.add(late + took(answer));
  if (name === "created") {
    end.known = true;
    end.order = body;
    ordersUnmatched.add(1);
    idsUnmatched.add(idPart(body.id));
  } else if (name === "not-open-yet" && waits.includes(name)) {
    return Math.max(0, Date.parse(body.opensAt) - Date.now()) / 1000 + Math.random() / 2;
  } else if (!waits.includes(name) && body.retry !== "now" && !["accepted", "no-connection", "other"].includes(name)) {
    end.known = true;
    end.refusal = name;
  }
  return pause(answer, body, attempt);
}

/** Pays an order from its customer's wallet; how it ended: `paid`, or the name of the refusal. */
export function pay(customer, order, patience = PATIENCE) {
  const begun = Date.now();
  const key = crypto.randomUUID();
  for (let attempt = 0; Date.now() < begun + patience * 1000; attempt++) {
    const url = `${edge(customer, attempt)}/v1/sales/${sale}/orders/${order.id}/payment`;
    const answer = http.post(url, "", { headers: head(customer, key), timeout: ATTEMPT, tags: { name: "payment" } });
    const { name, body } = read(answer);
    answers[name].add(1);
    if (name === "other") unexpected.add(1);
    if (name === "paid") {
      paidMs.add(Date.now() - begun);
      return name;
    }
    if (body.retry !== "now" && !["accepted", "no-connection", "other"].includes(name)) return name;
    sleep(pause(answer, body, attempt));
  }
  gaveUp.add(1);
  return "gave up";
}

/** One of the customer's orders as it is now; nothing while that cannot be known. */
export function look(customer, order) {
  const url = `${edge(customer, 0)}/v1/sales/${sale}/orders/${order.id}`;
  const answer = http.get(url, { headers: head(customer), timeout: ATTEMPT, tags: { name: "order" } });
  return answer.status === 200 ? answer.json() : undefined;
}

/** The number of the one that comes now, from 0, within its part of the scenario. */
export function number() {
  return exec.scenario.iterationInTest;
}
