// All that stands on the machine while the gateway is measured: Acquit with its routes, the app behind, nginx beside, and a
// trivial handler of axum. What is measured has one core to itself and one thread that serves; all else shares the other core.

import { Acquit } from '../../driver/acquit.mjs';
import { freePort, ready, start } from '../../driver/process.mjs';
import * as nginx from './nginx.mjs';

/** The core of what is measured, and that of the load and the app. */
export const MEASURED = '0';
export const OTHERS = '1';

/** Who sends the load; the others have the streams. */
export const VISITOR = 'visitor';

export class World {
  /** @param {{ dir: string, binary: string, helper: string, users: string[] }} options */
  constructor(options) {
    Object.assign(this, options);
  }

  async start() {
    const { dir } = this;
    this.app = new nginx.Nginx({ name: 'app', dir, cpu: OTHERS, servers: nginx.app });
    await this.app.start();
    this.auth = await this.#helper('trivial', OTHERS);
    this.trivial = await this.#helper('trivial', MEASURED);
    this.live = await this.#helper('app', OTHERS);
    this.plain = new nginx.Nginx({ name: 'plain', dir, cpu: MEASURED, servers: nginx.plain(this.app.port) });
    await this.plain.start();
    const asking = nginx.asking(this.app.port, this.auth.port);
    this.asking = new nginx.Nginx({ name: 'asking', dir, cpu: MEASURED, servers: asking });
    await this.asking.start();
    this.port = await freePort();
    this.acquit = new Acquit({
      name: 'acquit',
      binary: this.binary,
      dir,
      clients: [],
      users: [VISITOR, ...this.users],
      storeUrl: `sqlite://${dir}/acquit.db`,
      server: 'trusted_proxies = ["127.0.0.0/8"]',
      more: this.#routes(),
      scopes: ['read', 'sessions'],
    });
  }

  /** Acquit with one thread that serves, on the core of what is measured. */
  async alone() {
    this.acquit.by = ['taskset', '-c', MEASURED];
    this.acquit.env = { TOKIO_WORKER_THREADS: '1' };
    await this.#restart();
  }

  /** Acquit as it is usually started. */
  async free() {
    this.acquit.by = [];
    this.acquit.env = {};
    await this.#restart();
  }

  /** The host of a route, as a `Host` header names it. */
  host(name) {
    return `${name}.localhost:${this.port}`;
  }

  origin(name) {
    return `http://${this.host(name)}`;
  }

  async #restart() {
    await this.acquit.stop();
    await this.acquit.start();
  }

  async #helper(role, cpu) {
    const port = await freePort();
    const log = `${this.dir}/helper.log`;
    const child = start('taskset', ['-c', cpu, this.helper, role, `127.0.0.1:${port}`], { log });
    // The app's answers have no end, but a beginning.
    if (role === 'trivial') await ready(child, `http://127.0.0.1:${port}/`);
    return { port, pids: () => [child.pid] };
  }

  #routes() {
    const route = (name, to, more = '') => `
[[gateway.routes]]
from = "${this.origin(name)}"
to = "http://127.0.0.1:${to}"
allow = { everyone = true }
${more}
`;
    const open = 'public_paths = ["/public"]';
    return [
      `\n[gateway]\nlisten = "127.0.0.1:${this.port}"\n`,
      route('app', this.app.port, open),
      route('untold', this.app.port, `${open}\npass_identity_headers = false`),
      route('live', this.live.port),
      route('live', this.app.port, `prefix = "/public"\n${open}`),
    ].join('');
  }
}
