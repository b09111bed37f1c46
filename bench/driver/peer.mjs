// The peer under test: bench/peer, as cheap as its own settings allow.

import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { request } from './http.mjs';
import { freePort, ready, start, stop } from './process.mjs';

const script = fileURLToPath(new URL('../peer/server.mjs', import.meta.url));

export class Peer {
  name = 'oidc-provider';
  /** What its page of confirmation is answered with. */
  confirmation = { logout: 'yes' };

  constructor({ dir, clients }) {
    this.dir = dir;
    this.clients = clients;
  }

  async start() {
    const port = await freePort();
    const settings = { port, clients: this.clients.map(registration), jwks: { keys: [rsaKey(), ecKey()] } };
    const env = { NODE_ENV: 'production', PEER_SETTINGS: JSON.stringify(settings) };
    const began = performance.now();
    this.child = start(process.env.PEER_NODE ?? process.execPath, [script], { log: join(this.dir, 'peer.log'), env });
    const discovery = `http://127.0.0.1:${port}/.well-known/openid-configuration`;
    const took = await ready(this.child, discovery, began);
    this.endpoints = JSON.parse((await request('GET', discovery)).body);
    return took;
  }

  stop() {
    return stop(this.child);
  }

  pids = () => [this.child.pid];
}

function registration(client) {
  return {
    client_id: client.id,
    client_secret: client.secret,
    redirect_uris: [client.redirectUri],
    post_logout_redirect_uris: [client.postLogoutUri],
    backchannel_logout_uri: client.backchannelUri,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: client.alg,
  };
}

function rsaKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256', use: 'sig' };
}

function ecKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'ec', alg: 'ES256', use: 'sig' };
}
