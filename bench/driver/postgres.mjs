// A PostgreSQL of its own in the temporary folder, durable: fsync and synchronous_commit stay on.

import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { family } from './cpu.mjs';
import { sleep } from './http.mjs';
import { freePort, output, start, stop } from './process.mjs';

const DEBIAN = '/usr/lib/postgresql';

export class Postgres {
  constructor({ dir }) {
    this.dir = join(dir, 'postgres');
    this.log = join(dir, 'postgres.log');
  }

  /** Where its programs are; undefined when it is not installed. */
  static programs() {
    const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
    return versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
  }

  async start() {
    const bin = Postgres.programs();
    this.version = (await output(join(bin, 'postgres'), ['--version'])).trim().split(' ').at(2);
    const user = await unprivileged();
    mkdirSync(this.dir, { mode: 0o700 });
    if (user.uid !== undefined) chownSync(this.dir, user.uid, user.gid);
    const data = join(this.dir, 'data');
    await output(join(bin, 'initdb'), ['-D', data, '-U', 'acquit', '--auth=trust', '-E', 'UTF8', '--locale=C'], {
      ...user,
      cwd: '/',
    });
    const port = await freePort();
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      shared_buffers: '256MB',
      fsync: 'on',
      synchronous_commit: 'on',
    };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    this.child = start(join(bin, 'postgres'), ['-D', data, ...options], { log: this.log, ...user });
    this.child.endSignal = 'SIGINT'; // its fast shutdown; it would wait for its clients otherwise
    this.url = `postgres://acquit@127.0.0.1:${port}/postgres`;
    const isReady = () => output(join(bin, 'pg_isready'), ['-q', '-U', 'acquit', '-h', '127.0.0.1', '-p', String(port)]);
    for (let tries = 0; ; tries += 1) {
      const up = await isReady().then(
        () => true,
        () => false,
      );
      if (up) return;
      if (tries > 200) throw new Error(`PostgreSQL does not start; see ${this.log}`);
      await sleep(50);
    }
  }

  stop() {
    return stop(this.child);
  }

  pids = () => family(this.child.pid);
}

/** PostgreSQL refuses to run as root: then its own user. */
async function unprivileged() {
  if (process.getuid() !== 0) return {};
  const id = async (flag) => Number(await output('id', [flag, 'postgres']));
  return { uid: await id('-u'), gid: await id('-g') };
}
