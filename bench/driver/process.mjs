// Starting servers, waiting for them, ending them by their id.

import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { request, sleep } from './http.mjs';

const READY_WITHIN_MS = 30_000;
const running = new Set();

/**
 * A port of loopback that is free now, and none that the system gives to who connects: a caller that asks again and again whether a server
 * is there yet would be given it, and be connected to itself.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Starts a program whose output goes to `log`. */
export function start(command, args, { log, env = {}, uid, gid } = {}) {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output, output], uid, gid });
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve(signal ?? code);
    });
  });
  return child;
}

/** Ends a program and waits until it is gone. */
export async function stop(child) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(child.endSignal ?? 'SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await child.ended;
  clearTimeout(late);
}

/** Ends whatever is still running, however the run ended. */
export function stopAll() {
  return Promise.all([...running].map((child) => stop(child)));
}

/** Waits until `url` answers 200. Returns how long that took, in ms. */
export async function ready(child, url, began = performance.now()) {
  while (performance.now() - began < READY_WITHIN_MS) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}; see its log`);
    const answer = await request('GET', url, { connection: 'close' }).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - began;
    await sleep(1);
  }
  throw new Error(`${url} is not ready after ${READY_WITHIN_MS} ms`);
}

/** Runs a program to its end and returns what it printed. */
export function output(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ${args}: ${text}`))));
  });
}
