// The benchmark of the gateway. Called by bench/gateway/run. Options: --rounds N, --seconds N (of each load), --quick (a look: one
// short round, fewer streams), --only name,name (those loads and no streams), --streams (no loads), --write (into RESULTS.md).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as machine from '../../driver/machine.mjs';
import { stopAll } from '../../driver/process.mjs';
import { Load } from './load.mjs';
import { version } from './nginx.mjs';
import { rates, targets } from './rates.mjs';
import { print } from './report.mjs';
import { streams } from './streams.mjs';
import { OTHERS, World } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' },
    helper: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    streams: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const size = options.quick ? { streams: 1000, sessions: 100, ends: 20, idle: 2000 } : { streams: 5000, sessions: 500, ends: 200, idle: 10_000 };
const dir = mkdtempSync(join(tmpdir(), 'acquit-bench-gateway-'));
const say = (text) => process.stderr.write(`${text}\n`);

async function main() {
  const begun = new Date();
  const facts = { ...(await machine.describe(options.binary)), nginx: await version(), loadBefore: machine.load(), begun };
  const users = Array.from({ length: size.sessions }, (_, index) => `user-${index}`);
  const world = new World({ dir, binary: options.binary, helper: options.helper, users });
  await world.start();
  const run = { facts, size, rounds: options.quick ? 1 : Number(options.rounds), seconds: options.quick ? 1 : Number(options.seconds) };
  if (!options.streams) {
    await world.alone();
    const load = new Load({ dir, cpu: OTHERS });
    run.rates = await rates(load, await targets(world), { ...run, only: options.only?.split(','), say });
  }
  if (options.only === undefined) run.streams = await streams(world, { size, say });
  facts.loadAfter = machine.load();
  facts.minutes = (Date.now() - begun.getTime()) / 60_000;
  // A part of a run, or a hasty one, is no result.
  print(run, options.write && !options.quick && options.only === undefined && !options.streams);
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => stopAll().finally(() => process.exit(1)));
}
try {
  await main();
} catch (error) {
  say(`the benchmark failed: ${error.stack}\nlogs are in ${dir}`);
  options.keep = true;
  process.exitCode = 1;
} finally {
  await stopAll();
  if (!options.keep) rmSync(dir, { recursive: true, force: true });
}
process.exit();
