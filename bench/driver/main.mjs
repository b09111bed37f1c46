// The benchmark: starts every server, does each operation at all of them in turn, and writes down what it cost.
//
// Called by bench/run. Options: --rounds N, --seconds N (of each closed loop), --only peer,sqlite,postgres, --quick (a look,
// not a result: nothing is written).

import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Acquit } from './acquit.mjs';
import { residentMb } from './cpu.mjs';
import { sleep } from './http.mjs';
import * as machine from './machine.mjs';
import * as measure from './measure.mjs';
import { Peer } from './peer.mjs';
import { Postgres } from './postgres.mjs';
import { stopAll } from './process.mjs';
import { Receivers } from './receivers.mjs';
import { results, table } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    only: { type: 'string', default: 'peer,sqlite,postgres' },
    quick: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const rounds = options.quick ? 1 : Number(options.rounds);
const seconds = options.quick ? 2 : Number(options.seconds);
const size = options.quick
  ? { tokens: 200, five: 60, one: 120, hanging: 40, starts: 3, idleSeconds: 5 }
  : { tokens: 1000, five: 200, one: 400, hanging: 150, starts: 9, idleSeconds: 60 };
const HANGING_PER_SECOND = 8;
const USERS = Array.from({ length: 200 }, (_, index) => `user-${index}`);

const dir = mkdtempSync(join(tmpdir(), 'acquit-bench-'));
chmodSync(dir, 0o755); // PostgreSQL's own user has to reach its folder in it
const sinks = new Receivers();
const say = (text) => process.stderr.write(`${text}\n`);

/** Every figure by server and name; a figure of several rounds is their median. */
const figures = {};
function note(server, figure, value) {
  figures[server] ??= {};
  (figures[server][figure] ??= []).push(value);
}

async function main() {
  const begun = new Date();
  const facts = { ...(await machine.describe(options.binary)), loadBefore: machine.load() };
  facts.signatures = machine.signatures();
  facts.disk = machine.disk(dir);
  await sinks.start(5);
  const rs = sinks.clients('RS256');
  const es = sinks.clients('ES256');
  const clients = [...rs, ...es];
  const targets = await startAll(options.only.split(','), clients, facts);

  say('warming up');
  for (const target of targets) await warmUp(target, rs, es);
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, apps] of [['RS256', rs], ['ES256', es]]) {
      for (const target of targets) record(target, `sign-in ${name}`, await measure.signIns(target, apps));
    }
    for (const target of targets) {
      record(target, 'introspection', await measure.introspections(target, rs[0], size.tokens));
    }
    await signOuts(targets, rs, es);
    say(`round ${round} of ${rounds} done`);
  }
  await hanging(targets, rs);
  for (const target of targets) note(target.server.name, 'memory under load', residentMb(target.server.pids()[0]));
  await starts(targets);

  facts.loadAfter = machine.load();
  facts.minutes = (Date.now() - begun.getTime()) / 60_000;
  facts.begun = begun;
  const run = { facts, figures, rounds, seconds, size, hangingPerSecond: HANGING_PER_SECOND, users: USERS.length };
  process.stdout.write(`${table(run)}\n`);
  if (!options.quick && targets.length === 3) {
    const file = new URL('../RESULTS.md', import.meta.url);
    writeFileSync(file, results(run, read(file)));
  }
}

async function startAll(only, clients, facts) {
  const targets = [];
  const common = { sinks, users: USERS, seconds };
  const acquit = (name, storeUrl) =>
    new Acquit({ name, binary: options.binary, dir, clients, users: USERS, storeUrl });
  if (only.includes('peer')) {
    const manifest = createRequire(import.meta.url)('../peer/node_modules/oidc-provider/package.json');
    facts.peer = manifest.version;
    targets.push({ ...common, server: new Peer({ dir, clients }) });
  }
  if (only.includes('sqlite')) {
    targets.push({ ...common, server: acquit('Acquit on SQLite', `sqlite://${join(dir, 'acquit.db')}`) });
  }
  if (only.includes('postgres')) {
    const database = new Postgres({ dir });
    await database.start();
    facts.postgres = database.version;
    targets.push({ ...common, database, server: acquit('Acquit on PostgreSQL', database.url) });
  }
  for (const { server } of targets) {
    const took = await server.start();
    note(server.name, 'first start', took);
    say(`${server.name} is ready after ${took.toFixed(0)} ms`);
  }
  return targets;
}

function record(target, figure, { us, databaseUs, perSecond, ...rest }) {
  note(target.server.name, figure, us);
  if (databaseUs !== undefined) note(target.server.name, `${figure}, database`, databaseUs);
  for (const key of ['tokens', 'expected', 'unfinished', 'p50', 'p99']) {
    if (rest[key] !== undefined) note(target.server.name, `${figure}, ${key}`, rest[key]);
  }
  const beside = databaseUs === undefined ? '' : ` + ${databaseUs.toFixed(0)} in the database`;
  say(`${target.server.name}: ${figure}: ${us.toFixed(0)} µs${beside}, ${perSecond.toFixed(0)}/s`);
}

async function warmUp(target, rs, es) {
  for (const apps of [rs, es]) await measure.signIns(target, apps);
  await measure.introspections(target, rs[0], 100);
  const groups = [await measure.prepare(target, rs, 60), await measure.prepare(target, es, 60)];
  await measure.settle();
  for (const sessions of groups) await measure.logouts(target, sessions);
}

async function signOuts(targets, rs, es) {
  const kinds = [
    ['logout to 5, RS256', rs, size.five],
    ['logout to 5, ES256', es, size.five],
    ['logout to 1, RS256', rs.slice(0, 1), size.one],
    ['logout to 1, ES256', es.slice(0, 1), size.one],
  ];
  const prepared = [];
  for (const [figure, apps, amount] of kinds) {
    for (const target of targets) prepared.push([target, figure, await measure.prepare(target, apps, amount)]);
  }
  await measure.settle();
  for (const [target, figure, sessions] of prepared) record(target, figure, await measure.logouts(target, sessions));
}

async function hanging(targets, apps) {
  const prepared = [];
  for (const target of targets) prepared.push([target, await measure.prepare(target, apps, size.hanging)]);
  await measure.settle();
  for (const [target, sessions] of prepared) {
    const { name } = target.server;
    const seen = await measure.logoutsWithHangingApp(target, sessions, HANGING_PER_SECOND);
    for (const key of ['p50', 'p99', 'max']) note(name, `hanging app, ${key}`, seen[key]);
    say(`${name}: one of five hangs: p50 ${seen.p50.toFixed(1)} ms, p99 ${seen.p99.toFixed(1)} ms; the others were sent ` +
      `${seen.toldGood} of ${seen.expectedGood} tokens`);
    note(name, 'hanging app, told', seen.toldGood);
    note(name, 'hanging app, expected', seen.expectedGood);
  }
}

/** Starts with the database that the run has filled; then everybody sits still. */
async function starts(targets) {
  for (const { server } of targets) {
    for (let count = 0; count < size.starts; count += 1) {
      await server.stop();
      note(server.name, 'start', await server.start());
    }
    say(`${server.name}: starts: ${figures[server.name].start.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  }
  say(`idle for ${size.idleSeconds} s`);
  await sleep(size.idleSeconds * 1000);
  for (const { server } of targets) note(server.name, 'idle memory', residentMb(server.pids()[0]));
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

try {
  await main();
} catch (error) {
  say(`the benchmark failed: ${error.stack}\nlogs are in ${dir}`);
  options.keep = true;
  process.exitCode = 1;
} finally {
  sinks.stop();
  await stopAll();
  if (!options.keep) rmSync(dir, { recursive: true, force: true });
}
process.exit();
