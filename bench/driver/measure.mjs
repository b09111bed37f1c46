// The measurements of one server. Each returns plain numbers; nothing is printed here.

import { createPublicKey, verify } from 'node:crypto';
import { CpuMeter } from './cpu.mjs';
import { introspection, revoke, signIn, signOut } from './flows.mjs';
import { atRate, forEach, forSeconds, percentile, request, sleep } from './http.mjs';
import { forSecondsRaw } from './raw.mjs';

/** Callers at a time, in every closed loop. */
export const IN_FLIGHT = 64;
/** Connections that introspect. */
export const CONNECTIONS = 64;
/**
 * Acquit tells an app once more when the app joined the session less than 10 s before the logout. The benchmark's people
 * stay longer than that, at both servers.
 */
const SETTLED_MS = 11_000;
/** After the last token has arrived: time to write the receipts down. */
const RECEIPTS_MS = 400;

/** CPU µs for each of `count` operations: of the server, and of its database beside it. */
async function metered(server, database, work) {
  const own = new CpuMeter(server.pids);
  const beside = database && new CpuMeter(database.pids);
  const began = performance.now();
  const count = await work();
  const seconds = (performance.now() - began) / 1000;
  return { us: own.stop() / count, databaseUs: beside && beside.stop() / count, count, perSecond: count / seconds };
}

const user = (users, index) => users[index % users.length];

/** Sign-in by code flow, a new browser each time. */
export function signIns({ server, database, users, seconds }, clients) {
  return metered(server, database, () =>
    forSeconds(seconds, IN_FLIGHT, (index) => signIn(server, user(users, index), clients.slice(0, 1))),
  );
}

/** Introspection of `amount` tokens, of which one in ten was revoked; a wrong answer stops the run. */
export async function introspections({ server, database, users, seconds }, client, amount) {
  const people = Array.from({ length: amount }, (_, index) => user(users, index));
  const sessions = await forEach(people, IN_FLIGHT, (name) => signIn(server, name, [client]));
  const tokens = sessions.map(({ tokens: [token] }) => token.accessToken);
  const dead = (index) => index % 10 === 9;
  await forEach(tokens.filter((_, index) => dead(index)), IN_FLIGHT, (token) => revoke(server, client, token));
  const url = server.endpoints.introspection_endpoint;
  const requests = tokens.map((token) => introspection(server, client, token));
  const check = (answer, index) => {
    if (answer.includes('"active":true') === dead(index)) {
      throw new Error(`token ${index} should ${dead(index) ? 'not ' : ''}be active: ${answer}`);
    }
  };
  return metered(server, database, () => forSecondsRaw(seconds, CONNECTIONS, url, requests, check));
}

/** Sessions at `clients`, for later. */
export function prepare({ server, users }, clients, amount) {
  const people = Array.from({ length: amount }, (_, index) => user(users, index));
  return forEach(people, IN_FLIGHT, (name) => signIn(server, name, clients));
}

/** Lets the youngest session settle. */
export const settle = () => sleep(SETTLED_MS);

/** RP-initiated logout of `sessions`, measured until every app has its token and the receipts are written. */
export async function logouts({ server, database, sinks }, sessions) {
  const [{ clients }] = sessions;
  const expected = sessions.length * clients.length;
  sinks.reset();
  const latencies = [];
  const result = await metered(server, database, async () => {
    await forEach(sessions, IN_FLIGHT, async (session) => {
      const began = performance.now();
      await signOut(server, session);
      latencies.push(performance.now() - began);
    });
    await sinks.waitFor(expected, 20_000);
    await sleep(RECEIPTS_MS);
    return sessions.length;
  });
  const unfinished = (await server.inProgress?.()) ?? 0;
  const report = await sinks.report();
  await check(server, report, clients, sessions.length);
  return {
    ...result,
    tokens: report.tokens,
    expected,
    unfinished,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

/** Every app must have been told of every session, once, by a token of its own with its own algorithm. */
async function check(server, report, clients, sessions) {
  const { keys } = JSON.parse((await request('GET', server.endpoints.jwks_uri)).body);
  for (const client of clients) {
    const seen = report.byPort[client.port];
    if (seen === undefined) throw new Error(`${client.id} was told of nothing`);
    if (seen.wrong > 0) throw new Error(`${client.id} was sent ${seen.wrong} tokens that are not its own`);
    if (seen.sids !== sessions || seen.jtis !== sessions || seen.tokens !== sessions) {
      throw new Error(`${client.id}: ${JSON.stringify({ ...seen, sample: undefined })} for ${sessions} sessions`);
    }
    if (seen.algs.join() !== client.alg) throw new Error(`${client.id} expects ${client.alg}, got ${seen.algs}`);
    const [header, claims, signature] = seen.sample.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url'));
    const key = createPublicKey({ key: keys.find((candidate) => candidate.kid === kid), format: 'jwk' });
    const good = verify(
      'sha256',
      Buffer.from(`${header}.${claims}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    if (!good) throw new Error(`a logout token for ${client.id} has a wrong signature`);
  }
}

/** How long the browser waits for its sign-out, at a modest rate, while the last of the apps takes requests and hangs. */
export async function logoutsWithHangingApp({ server, sinks }, sessions, perSecond) {
  const [{ clients }] = sessions;
  sinks.reset();
  sinks.hang(clients.at(-1).port);
  const latencies = await atRate(sessions, perSecond, (session) => signOut(server, session));
  const report = await sinks.report();
  sinks.hang(null);
  return {
    count: sessions.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: Math.max(...latencies),
    toldGood: report.tokens,
    expectedGood: sessions.length * (clients.length - 1),
  };
}
