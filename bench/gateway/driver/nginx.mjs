// nginx with one worker: as the app behind every proxy, as a plain proxy, and as a proxy that asks about each request.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { family } from '../../driver/cpu.mjs';
import { freePort, output, ready, start, stop } from '../../driver/process.mjs';

/** What the app answers: 1 KiB. */
export const BODY = 'x'.repeat(1023) + '\n';
/** Connections are kept for as long as the run takes, at every server alike. */
const KEPT = 'keepalive_requests 1000000000; keepalive_timeout 1h;';
/** More than the load has connections. */
const POOL = `keepalive 128; ${KEPT}`;

/** Its version. */
export const version = () => output('sh', ['-c', 'nginx -v 2>&1']).then((text) => text.trim().split('/').pop());

export class Nginx {
  /** @param {{ name: string, dir: string, cpu: string, servers: (port: number) => string }} options */
  constructor(options) {
    Object.assign(this, options);
    this.log = join(this.dir, `${this.name}.log`);
  }

  async start() {
    this.port = await freePort();
    const file = join(this.dir, `${this.name}.conf`);
    writeFileSync(file, this.#configuration());
    this.child = start('taskset', ['-c', this.cpu, 'nginx', '-p', this.dir, '-c', file], { log: this.log });
    await ready(this.child, `http://127.0.0.1:${this.port}/public/x`);
  }

  stop() {
    return stop(this.child);
  }

  pids = () => family(this.child.pid);

  #configuration() {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    return `daemon off; worker_processes 1; pid ${this.name}.pid; error_log ${this.log} error;
events { worker_connections 4096; }
http {
  access_log off; tcp_nodelay on; ${KEPT}
  ${temporary.map((kind) => `${kind}_temp_path ${this.name}-${kind};`).join(' ')}
  ${this.servers(this.port)}
}
`;
  }
}

/** The app. */
export const app = (port) => `server { listen 127.0.0.1:${port}; default_type text/plain; return 200 "${BODY.trimEnd()}\\n"; }`;

/** A plain proxy in front of the app. */
export const plain = (appPort) => (port) => `upstream app { server 127.0.0.1:${appPort}; ${POOL} }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    location / { proxy_pass http://app; }
  }`;

/** A proxy that asks another server about each request first. */
export const asking = (appPort, authPort) => (port) => `upstream app { server 127.0.0.1:${appPort}; ${POOL} }
  upstream auth { server 127.0.0.1:${authPort}; ${POOL} }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    location / { auth_request /ask; proxy_pass http://app; }
    location = /ask {
      internal; proxy_pass http://auth; proxy_pass_request_body off;
      proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    }
  }`;
