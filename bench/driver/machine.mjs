// What the machine is and what its parts cost just now: to be printed beside every figure.

import { generateKeyPairSync, sign } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { percentile } from './http.mjs';
import { output } from './process.mjs';

/** Names and versions. */
export async function describe(binary) {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].trim().split(' '));
  const line = (command, args) => output(command, args).then((text) => text.trim(), () => 'unknown');
  return {
    cpu: `${cpus().length} × ${cpus()[0].model}${flags.has('avx512ifma') ? ', with' : ', without'} AVX-512 IFMA`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    rustc: await line('rustc', ['--version']),
    commit: await line('git', ['describe', '--always', '--dirty', '--abbrev=12']),
    driverNode: process.version,
    binaryMb: binary && statSync(binary).size / 1e6,
  };
}

/** How busy the machine is: the load averages of 1 and 5 minutes. */
export function load() {
  const [one, five] = loadavg();
  return `${one.toFixed(1)} / ${five.toFixed(1)}`;
}

/** CPU µs of one bare signature over 420 bytes, by the OpenSSL in Node: what no server with such a key can go below. */
export function signatures() {
  const message = Buffer.alloc(420, 7);
  const cost = (key, times) => {
    const once = () => sign('sha256', message, key);
    for (let count = 0; count < times / 10; count += 1) once();
    const before = process.cpuUsage();
    for (let count = 0; count < times; count += 1) once();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / times;
  };
  return {
    rs256: cost(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 500),
    es256: cost(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 3000),
  };
}

/** fdatasync of an overwrite of 8 KiB, in ms: what one durable commit costs in waiting. */
export function disk(dir) {
  const file = openSync(join(dir, 'disk-probe'), 'w');
  const block = Buffer.alloc(8192, 1);
  writeSync(file, block, 0, block.length, 0);
  const waits = [];
  const end = performance.now() + 1000;
  while (performance.now() < end) {
    const began = performance.now();
    writeSync(file, block, 0, block.length, 0);
    fdatasyncSync(file);
    waits.push(performance.now() - began);
  }
  closeSync(file);
  return { perSecond: waits.length, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
}
