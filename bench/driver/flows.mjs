// What people and applications do, the same code for every server: sign in, introspect, revoke, sign out.

import { createHash, randomBytes } from 'node:crypto';
import { Browser } from './browser.mjs';
import { form, request } from './http.mjs';
import { encode } from './raw.mjs';

export const PASSWORD = 'correct horse battery staple';

const random = (bytes) => randomBytes(bytes).toString('base64url');
const basic = (client) => `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;

/** Signs `user` in, in a new browser, at each of `clients` by the code flow. */
export async function signIn(server, user, clients) {
  const browser = new Browser();
  const tokens = [];
  for (const client of clients) tokens.push(await codeFlow(server, browser, user, client));
  return { browser, tokens, clients };
}

async function codeFlow(server, browser, user, client) {
  const verifier = random(32);
  const state = random(16);
  const authorize = new URL(server.endpoints.authorization_endpoint);
  authorize.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUri,
    scope: 'openid',
    state,
    nonce: random(16),
    login_hint: user,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  let at = await browser.open(authorize.href);
  if (at.form?.names.has('username')) at = await browser.submit(at, { username: user, password: PASSWORD });
  const back = new URL(at.left ?? fail('the browser never came back from authorize', at));
  if (!at.left.startsWith(client.redirectUri) || back.searchParams.get('state') !== state) fail('a wrong redirect', at);
  const sent = form({
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? fail('no code', at),
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  });
  const answer = await request(
    'POST',
    server.endpoints.token_endpoint,
    { ...sent.headers, authorization: basic(client) },
    sent.body,
  );
  if (answer.status !== 200) fail('no tokens', answer);
  const { access_token: accessToken, id_token: idToken } = JSON.parse(answer.body);
  return { accessToken, idToken };
}

/** The bytes of an introspection request. */
export function introspection(server, client, token) {
  const { body, headers } = form({ token });
  const { host, pathname } = new URL(server.endpoints.introspection_endpoint);
  return encode('POST', host, pathname, { ...headers, authorization: basic(client) }, body);
}

/** Revokes an access token. */
export async function revoke(server, client, token) {
  const sent = form({ token, token_type_hint: 'access_token' });
  const answer = await request(
    'POST',
    server.endpoints.revocation_endpoint,
    { ...sent.headers, authorization: basic(client) },
    sent.body,
  );
  if (answer.status !== 200) fail('no revocation', answer);
}

/** Signs out of everything as the first client asks; done when the browser is on its way back to that client. */
export async function signOut(server, session) {
  const [client] = session.clients;
  const state = random(16);
  const url = new URL(server.endpoints.end_session_endpoint);
  url.search = new URLSearchParams({
    id_token_hint: session.tokens[0].idToken,
    post_logout_redirect_uri: client.postLogoutUri,
    state,
  });
  let at = await session.browser.open(url.href);
  // The peer always asks once more; a server that needs no answer redirects at once.
  if (at.form !== undefined) at = await session.browser.submit(at, server.confirmation);
  if (at.left !== `${client.postLogoutUri}?state=${state}`) fail('the browser never came back from the sign-out', at);
}

function fail(what, at) {
  const { status, url, left, body, form: shown } = at;
  throw new Error(`${what}: ${JSON.stringify({ status, url, left, form: shown, body: body?.slice(0, 2000) })}`);
}
