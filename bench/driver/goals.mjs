// The goals of the benchmark and how each is computed from a run's figures.

import { median } from './http.mjs';

const PEER = 'oidc-provider';

/** The middle of the rounds; undefined when the run has no such figure. */
export function figure(run, server, name) {
  const values = run.figures[server]?.[name];
  return values === undefined || values.length === 0 ? undefined : median(values);
}

/** Lowest and highest of the rounds. */
export function spread(run, server, name) {
  const values = run.figures[server]?.[name] ?? [];
  return { low: Math.min(...values), high: Math.max(...values) };
}

/** The servers of a run that are Acquit. */
export const ours = (run) => Object.keys(run.figures).filter((name) => name !== PEER);

/** CPU µs for one delivery with its receipt: what four apps more add to a logout. */
export function perDelivery(run, server, alg, part = '') {
  const [five, one] = [5, 1].map((apps) => figure(run, server, `logout to ${apps}, ${alg}${part}`));
  return five === undefined || one === undefined ? undefined : (five - one) / 4;
}

const ratio = (name, unit) => (run, server) => {
  const [peer, own] = [PEER, server].map((which) => figure(run, which, name));
  return peer === undefined || own === undefined ? undefined : { value: peer / own, peer, own, unit };
};
const plain = (compute) => (run, server) => {
  const value = compute(run, server);
  return value === undefined ? undefined : { value, own: value };
};

/** Each with `least` (a ratio) or `most` (an amount), and its value for a server. */
export const GOALS = [
  { name: 'sign-in, RS256: times as cheap', least: 8, of: ratio('sign-in RS256', 'µs') },
  { name: 'sign-in, ES256: times as cheap', least: 8, of: ratio('sign-in ES256', 'µs') },
  { name: 'introspection: times as cheap', least: 12, of: ratio('introspection', 'µs') },
  { name: 'logout told to 5 apps, RS256: times as cheap', least: 3, of: ratio('logout to 5, RS256', 'µs') },
  { name: 'logout told to 5 apps, ES256: times as cheap', least: 6, of: ratio('logout to 5, ES256', 'µs') },
  { name: 'p99 of a logout with 1 of 5 apps hanging: times as short', least: 50, of: ratio('hanging app, p99', 'ms') },
  { name: 'a delivery with its receipt, RS256, µs', most: 360, of: plain((run, server) => perDelivery(run, server, 'RS256')) },
  { name: 'a delivery with its receipt, ES256, µs', most: 130, of: plain((run, server) => perDelivery(run, server, 'ES256')) },
  { name: 'start to ready with an existing database, ms', most: 200, of: plain((run, server) => figure(run, server, 'start')) },
  { name: 'idle memory, MB', most: 40, of: plain((run, server) => figure(run, server, 'idle memory')) },
  { name: 'release binary, MB', most: 30, of: plain((run) => run.facts.binaryMb) },
];

/** "met", "short by 12 %": how far a value is from its goal. */
export function verdict(goal, value) {
  const missing = goal.least === undefined ? value / goal.most - 1 : 1 - value / goal.least;
  return missing <= 0 ? 'met' : `**short by ${(missing * 100).toFixed(0)} %**`;
}
