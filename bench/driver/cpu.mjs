// The CPU time of processes, all threads, as the kernel's scheduler counts it (in nanoseconds). Time stolen by neighbours
// is not in it.

import { readFileSync, readdirSync } from 'node:fs';

const SAMPLE_EVERY_MS = 200;

/** Runs CPU meters over a set of processes that may grow; a thread that ends keeps what it was last seen with. */
export class CpuMeter {
  #pids;
  #seen = new Map();
  #timer;

  /** @param {() => number[]} pids which processes to count */
  constructor(pids) {
    this.#pids = pids;
    this.#read();
    this.#base = this.#total();
    this.#timer = setInterval(() => this.#read(), SAMPLE_EVERY_MS);
  }

  #base;

  /** Microseconds of CPU since the beginning. */
  read() {
    this.#read();
    return (this.#total() - this.#base) / 1000;
  }

  /** As `read`, for the last time. */
  stop() {
    clearInterval(this.#timer);
    return this.read();
  }

  #total() {
    let total = 0;
    for (const nanoseconds of this.#seen.values()) total += nanoseconds;
    return total;
  }

  #read() {
    for (const pid of this.#pids()) {
      for (const tid of list(`/proc/${pid}/task`)) {
        const text = read(`/proc/${pid}/task/${tid}/schedstat`);
        if (text !== undefined) this.#seen.set(tid, Number(text.split(' ')[0]));
      }
    }
  }
}

/** A process with all of its descendants. */
export function family(root) {
  const parents = new Map();
  for (const name of list('/proc')) {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
    if (stat !== undefined) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const found = [root];
  for (const pid of found) {
    for (const [child, parent] of parents) if (parent === pid) found.push(child);
  }
  return found;
}

/** Resident memory of a process, in MB of 1,000,000 bytes. */
export function residentMb(pid) {
  const status = read(`/proc/${pid}/status`) ?? '';
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
