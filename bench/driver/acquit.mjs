// Acquit under test: the release build of `acquit serve`, as an operator would run it, durable on either store.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from './http.mjs';
import { freePort, ready, start, stop } from './process.mjs';

/**
 * "correct horse battery staple" under the cheapest cost that argon2id allows (8 KiB, one pass), so that the protocol is
 * measured and not the password hash, which is dear on purpose and for which an operator chooses the price.
 */
const PASSWORD_HASH =
  '$argon2id$v=19$m=8,t=1,p=1$YWNxdWl0YmVuY2hzYWx0$4YHWw6eJyWYcnPyXWab4cU4Hhf3cIvbWZW27nmZEN30';

export class Acquit {
  /** What its page of confirmation is answered with; with a valid hint it shows none. */
  confirmation = { decision: 'sign-out' };

  /** What else its configuration has: lines of `server`, and whole tables. */
  server = '';
  more = '';
  /** What its operator's token may do. */
  scopes = ['read'];
  /** Added to the environment of its next start. */
  env = {};
  /** What it is started by, such as `taskset`. */
  by = [];

  /**
   * @param {{ name: string, binary: string, dir: string, clients: object[], users: string[], storeUrl: string, server?: string,
   *   more?: string, scopes?: string[], env?: object, by?: string[] }} options
   */
  constructor(options) {
    Object.assign(this, options);
    this.token = randomBytes(24).toString('base64url');
    const base = join(this.dir, this.name.replaceAll(' ', '-'));
    this.log = `${base}.log`;
    this.config = `${base}.toml`;
    this.key = `${base}.key`;
  }

  /** Starts it, and returns how long it took until `/readyz` said 200. */
  async start() {
    if (this.port === undefined) {
      this.port = await freePort();
      writeFileSync(this.key, randomBytes(32).toString('base64'), { mode: 0o600 });
      writeFileSync(this.config, this.#configuration());
    }
    const origin = `http://127.0.0.1:${this.port}`;
    const began = performance.now();
    const [command, ...args] = [...this.by, this.binary, 'serve', '--config', this.config];
    this.child = start(command, args, { log: this.log, env: this.env });
    const took = await ready(this.child, `${origin}/readyz`, began);
    this.endpoints = JSON.parse((await request('GET', `${origin}/.well-known/openid-configuration`)).body);
    return took;
  }

  stop() {
    return stop(this.child);
  }

  pids = () => [this.child.pid];

  /** How many logouts are still being delivered (at most 100 are counted). */
  async inProgress() {
    const url = `http://127.0.0.1:${this.port}/api/v1/logouts?state=in_progress&limit=100`;
    const answer = await request('GET', url, { authorization: `Bearer ${this.token}` });
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body).data.length;
  }

  #configuration() {
    const text = JSON.stringify;
    const head = `[server]
public_url = "http://127.0.0.1:${this.port}"
listen = "127.0.0.1:${this.port}"
master_key = { file = ${text(this.key)} }
${this.server}

[store]
url = ${text(this.storeUrl)}

[limits]
sign_in_per_account = 1000000
sign_in_per_address = 1000000

[egress]
allow = ["127.0.0.0/8"]

[[api_tokens]]
name = "bench"
token = ${text(this.token)}
scopes = ${text(this.scopes)}
`;
    const users = this.users.map((user) => `
[[users]]
username = ${text(user)}
password_hash = ${text(PASSWORD_HASH)}
`);
    const applications = this.clients.map((client) => `
[[applications]]
id = ${text(client.id)}
protocol = "oidc"
client_id = ${text(client.id)}
client_secret = ${text(client.secret)}
redirect_uris = [${text(client.redirectUri)}]
post_logout_redirect_uris = [${text(client.postLogoutUri)}]
backchannel_logout_uri = ${text(client.backchannelUri)}
backchannel_logout_session_required = true
id_token_signed_response_alg = ${text(client.alg)}
`);
    return [head, ...users, ...applications, this.more].join('');
  }
}
