// A run as text: for the terminal, and in bench/RESULTS.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { percentile } from '../../driver/http.mjs';
import { GOALS, middle, verdict } from './goals.mjs';
import { CONNECTIONS } from './load.mjs';

const RESULTS = new URL('../../RESULTS.md', import.meta.url);
const BEGIN = '<!-- From here to the next mark by bench/gateway/run. -->';
const END = '<!-- Until here, by bench/gateway/run. -->';

const LOADS = {
  public: 'through Acquit, on a public path',
  checked: 'through Acquit, signed in, the app is told nothing',
  told: 'through Acquit, signed in',
  nginx: 'through nginx’s plain proxy',
  'nginx asking': 'through nginx with `auth_request`',
  'for nginx': 'Acquit asked as nginx does, signed in',
  'for traefik': 'Acquit asked as Traefik does, signed in',
  trivial: 'a trivial axum handler',
};

/** Prints the tables, and puts them into the results if wanted. */
export function print(run, write) {
  const text = [facts(run), goals(run), rates(run), ends(run)].filter((part) => part !== '').join('\n\n');
  process.stdout.write(`${text}\n`);
  if (!write) return;
  const old = readFileSync(RESULTS, 'utf8');
  const [from, to] = [old.indexOf(BEGIN), old.indexOf(END)];
  if (from < 0 || to < from) throw new Error('RESULTS.md has no place for these figures');
  writeFileSync(RESULTS, `${old.slice(0, from)}${BEGIN}\n\n${text}\n\n${old.slice(to)}`);
}

const rows = (header, body) => [header, header.map(() => '---'), ...body].map((line) => `| ${line.join(' | ')} |`).join('\n');

function facts({ facts: { begun, cpu, memory, kernel, commit, rustc, nginx, loadBefore, loadAfter, minutes }, rounds, seconds }) {
  return `Measured ${begun.toISOString().slice(0, 16).replace('T', ' ')}, commit ${commit}, ${rustc.split(' (')[0]}, nginx ${nginx}, on ${cpu}, ${memory}, Linux ${kernel};
load average ${loadBefore} before and ${loadAfter} after (1 / 5 min); the middle of ${rounds} rounds of ${seconds} s for each load, ${minutes.toFixed(0)} min in all.`;
}

function goals(run) {
  const body = GOALS.map((goal) => {
    const found = goal.of(run);
    if (found === undefined) return undefined;
    const number = (value) => value.toFixed(goal.digits);
    const spread = found.low === undefined ? '' : ` (${number(found.low)}–${number(found.high)})`;
    const wanted = goal.least !== undefined ? `≥ ${goal.least}` : goal.most !== undefined ? `≤ ${goal.most}` : '';
    const judged = verdict(goal, found.value);
    return [goal.name, wanted, `${number(found.value)}${spread}${judged && `, ${judged}`}`];
  });
  return rows(['', 'goal', 'Acquit'], body.filter((line) => line !== undefined));
}

function rates(run) {
  if (run.rates === undefined) return '';
  const body = Object.entries(LOADS).filter(([name]) => run.rates[name] !== undefined).map(([name, words]) => {
    const us = run.rates[name].map((figure) => figure.us);
    const [own, system] = [middle(run, name), middle(run, name, 'systemUs')];
    const spread = `${Math.min(...us).toFixed(1)}–${Math.max(...us).toFixed(1)}`;
    return [words, `${own.toFixed(1)} (${spread})`, system > own ? system.toFixed(1) : '', (1e6 / own).toFixed(0), middle(run, name, 'perSecond').toFixed(0)];
  });
  const header = ['one GET', 'CPU µs of the process', 'with app and auth server', 'rate per core', `rate on the clock, ${CONNECTIONS} connections`];
  return rows(header, body);
}

function ends({ streams, size }) {
  if (streams === undefined) return '';
  const each = size.streams / size.sessions;
  const line = (words, values) => [words, ...[0.5, 0.99, 1].map((p) => percentile(values, p).toFixed(1))];
  return rows(
    ['from the order to the end of a stream, ms', 'p50', 'p99', 'last'],
    [
      line(`${size.ends} sessions with ${each} streams each ended in turn, ${size.streams} streams open`, streams.each),
      line(`one session with all ${size.streams} streams ended`, streams.all),
    ],
  );
}
