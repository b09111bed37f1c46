// The goals of the gateway, and what of a run is held against each.

import { median, percentile } from '../../driver/http.mjs';

/** The middle of the rounds; undefined when it was not measured. */
export function middle(run, name, key = 'us') {
  const found = run.rates?.[name];
  return found && median(found.map((figure) => figure[key]));
}

/** For each round what `of` makes of the figures of the named loads in it: their middle, and the lowest and highest. */
function rounds(run, names, of, key = 'us') {
  const all = names.map((name) => run.rates?.[name]);
  if (all.includes(undefined)) return undefined;
  const values = all[0].map((_, round) => of(...all.map((figures) => figures[round][key])));
  return { value: median(values), low: Math.min(...values), high: Math.max(...values) };
}

const more = (one, other) => (run) => rounds(run, [one, other], (with_, without) => with_ - without);
const rate = (own, other, key) => (run) => rounds(run, [own, other], (mine, theirs) => theirs / mine, key);
const streams = (of) => (run) => run.streams && { value: of(run.streams) };

/** Each with `least` (a ratio) or `most` (an amount); those without are printed as an aside. */
export const GOALS = [
  { name: 'our check: CPU µs more than on a public path', most: 2.5, digits: 1, of: more('checked', 'public') },
  { name: 'our check and telling the app who it is: CPU µs more', digits: 1, of: more('told', 'public') },
  { name: 'a signed-in GET, ÷ nginx’s plain proxy', least: 0.6, digits: 2, of: rate('told', 'nginx') },
  { name: 'a signed-in GET, ÷ nginx with `auth_request`', least: 1.15, digits: 2, of: rate('told', 'nginx asking') },
  { name: 'the same with the auth server and the app counted in', digits: 2, of: rate('told', 'nginx asking', 'systemUs') },
  { name: 'forward-auth for nginx, ÷ a trivial axum handler', least: 0.6, digits: 2, of: rate('for nginx', 'trivial') },
  { name: 'forward-auth for Traefik, ÷ a trivial axum handler', least: 0.6, digits: 2, of: rate('for traefik', 'trivial') },
  { name: 'sign-out to the last byte, one of many sessions: p99, ms', most: 100, digits: 1, of: streams(({ each }) => percentile(each, 0.99)) },
  { name: 'sign-out to the last byte, all streams of one session: p99, ms', most: 100, digits: 1, of: streams(({ all }) => percentile(all, 0.99)) },
  { name: 'idle WebSockets: MB', most: 250, digits: 0, of: streams(({ websockets }) => websockets) },
  { name: 'idle kept-alive connections: MB', digits: 0, of: streams(({ idle }) => idle) },
];

/** "met", "**short by 12 %**", or nothing where there is no goal. */
export function verdict(goal, value) {
  if (goal.least === undefined && goal.most === undefined) return '';
  const missing = goal.least === undefined ? value / goal.most - 1 : 1 - value / goal.least;
  return missing <= 0 ? 'met' : `**short by ${(missing * 100).toFixed(0)} %**`;
}
