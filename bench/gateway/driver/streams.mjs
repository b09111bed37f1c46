// Long streams: what idle ones cost, and how soon they end with their session.

import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { residentMb } from '../../driver/cpu.mjs';
import { sleep } from '../../driver/http.mjs';
import { signInAll } from './people.mjs';

/** After opening: time to let go of what only opening needed. */
const SETTLE_MS = 2000;

/** Memory in MB, and how long streams outlived the order to end their session, in ms. */
export async function streams(world, { size, say }) {
  const found = {};
  await world.free();
  const sessions = await signInAll(world.acquit, world.origin('live'), world.users);
  say(`${sessions.length} people are signed in`);

  const measure = async (what, order, count) => {
    await world.free();
    const client = new Client(world, sessions);
    await sleep(SETTLE_MS);
    const before = residentMb(world.acquit.pids()[0]);
    await client.opens(order, count);
    await sleep(SETTLE_MS);
    found[what] = residentMb(world.acquit.pids()[0]) - before;
    say(`${count} ${what}: ${before.toFixed(1)} MB before, ${found[what].toFixed(1)} MB more`);
    await client.end();
  };
  await measure('websockets', 'websockets', size.streams);
  await measure('idle', 'idle', size.idle);

  await world.free();
  const many = new Client(world, sessions);
  await many.opens('mixed', size.streams);
  await sleep(SETTLE_MS);
  found.each = await many.ends(size.ends);
  await many.end();

  // What is left of the sessions: the last was not ended, and has all streams now.
  const one = new Client(world, sessions.slice(0, 1));
  await one.opens('mixed', size.streams);
  await sleep(SETTLE_MS);
  found.all = await one.ends(1);
  await one.end();
  return found;
}

/** The program that has the streams open; see bench/gateway/src/client.rs. */
class Client {
  #child;
  #lines;

  constructor(world, sessions) {
    const file = join(world.dir, 'sessions');
    writeFileSync(file, sessions.map(({ id, cookie }) => `${id} ${cookie}\n`).join(''));
    const to = ['--gateway', `127.0.0.1:${world.port}`, '--host', world.host('live')];
    const api = ['--api', `127.0.0.1:${world.acquit.port}`, '--token', world.acquit.token];
    const stdio = ['pipe', 'pipe', 'inherit'];
    this.#child = spawn(world.helper, ['client', ...to, ...api, '--sessions', file], { stdio });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async opens(order, count) {
    const said = await this.#order(`${order} ${count}`);
    if (said !== `open ${count}`) throw new Error(`${count} were to be opened: ${said}`);
  }

  /** Ends `count` sessions, and returns how long after the order each of their streams ended, in ms. */
  async ends(count) {
    const [word, ...micros] = (await this.#order(`end ${count}`)).split(' ');
    if (word !== 'closed' || micros.length === 0) throw new Error(`nothing ended: ${word}`);
    return micros.map((text) => Number(text) / 1000);
  }

  async end() {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  async #order(line) {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the client of the streams gave up; it says why above');
    return value;
  }
}
