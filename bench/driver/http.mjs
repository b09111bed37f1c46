// One HTTP request over kept-alive loopback connections, and the loops that repeat an operation.

import { Connection, encode, headerValues } from './raw.mjs';

const idle = new Map();

/**
 * Sends a request and reads the whole answer.
 * @returns {Promise<{status: number, location?: string, cookies: string[], body: string}>}
 */
export function request(method, url, headers = {}, body = undefined) {
  const slash = url.indexOf('/', 'http://'.length);
  const host = url.slice('http://'.length, slash);
  const target = url.slice(slash).split('#', 1)[0];
  const pool = idle.get(host) ?? idle.set(host, []).get(host);
  let connection = pool.pop();
  while (connection !== undefined && !connection.open) connection = pool.pop();
  connection ??= new Connection(...host.split(':'));
  return new Promise((resolve, reject) => {
    connection.ask(encode(method, host, target, headers, body), (error, answer) => {
      if (error !== undefined) return reject(error);
      const { head, body: text } = answer;
      if (/\r\nconnection: *close/i.test(head)) connection.close();
      else pool.push(connection);
      resolve({
        status: Number(head.slice(9, 12)),
        location: headerValues(head, 'location')[0],
        cookies: headerValues(head, 'set-cookie'),
        body: text,
      });
    });
  });
}

/** A form's body and its headers. */
export function form(fields) {
  const body = new URLSearchParams(fields).toString();
  return {
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) },
  };
}

/** Repeats `operation` from `inFlight` callers until `seconds` have passed. Returns how often it was done. */
export async function forSeconds(seconds, inFlight, operation) {
  const end = performance.now() + seconds * 1000;
  let done = 0;
  const caller = async () => {
    while (performance.now() < end) {
      await operation(done);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return done;
}

/** Does `operation` once for every item, `inFlight` at a time. Returns the results in the order of the items. */
export async function forEach(items, inFlight, operation) {
  const results = new Array(items.length);
  let next = 0;
  const caller = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await operation(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, items.length) }, caller));
  return results;
}

/** Does `operation` for every item at a fixed rate, whether or not the earlier ones are done. Returns how long each took, in ms. */
export async function atRate(items, perSecond, operation) {
  const start = performance.now();
  const running = [];
  for (const [index, item] of items.entries()) {
    await sleep(start + (index * 1000) / perSecond - performance.now());
    const began = performance.now();
    running.push(operation(item).then(() => performance.now() - began));
  }
  return Promise.all(running);
}

/** Waits for some milliseconds; not at all when there are none left. */
export function sleep(ms) {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}

/** The value below which the share `p` of `values` lies (the nearest rank). */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)];
}

/** The middle of `values`. */
export function median(values) {
  return percentile(values, 0.5);
}
