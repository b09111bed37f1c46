// The driver's side of the sinks: starts their process, asks what arrived, and names the clients that live there.

import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { sleep } from './http.mjs';

const script = fileURLToPath(new URL('sinks.mjs', import.meta.url));

export class Receivers {
  /** Starts `count` receivers. */
  async start(count) {
    this.child = fork(script, [String(count)]);
    ({ ports: this.ports } = await this.#next('ports'));
  }

  stop() {
    this.child?.disconnect();
  }

  /** Forgets what has arrived. */
  reset() {
    this.child.send({ reset: true });
  }

  /** Lets the receiver at `port` take requests and never answer; `null` ends that. */
  hang(port) {
    this.child.send({ hang: port });
  }

  /** What has arrived since the last reset. */
  async report() {
    this.child.send({ report: true });
    const { report } = await this.#next('report');
    const tokens = Object.values(report).reduce((sum, seen) => sum + seen.tokens, 0);
    return { tokens, byPort: report };
  }

  /** Waits until `expected` tokens have arrived, or the time is over. */
  async waitFor(expected, withinMs) {
    const end = performance.now() + withinMs;
    while ((await this.report()).tokens < expected && performance.now() < end) await sleep(25);
  }

  /** One client of the algorithm at each receiver. */
  clients(alg) {
    return this.ports.map((port, index) => {
      const base = `http://127.0.0.1:${port}/${alg}`;
      return {
        id: `${alg.toLowerCase()}-${index}-${port}`,
        secret: randomBytes(32).toString('base64url'),
        alg,
        port,
        redirectUri: `${base}/callback`,
        postLogoutUri: `${base}/bye`,
        backchannelUri: `${base}/backchannel`,
      };
    });
  }

  #next(key) {
    return new Promise((resolve, reject) => {
      const take = (message) => {
        if (!(key in message)) return;
        this.child.off('message', take);
        this.child.off('exit', reject);
        resolve(message);
      };
      this.child.on('message', take);
      this.child.once('exit', reject);
    });
  }
}
