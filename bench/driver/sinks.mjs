// The applications' back-channel receivers, in a process of their own: one port for each application. They answer 200 at
// once, count what they are sent, and can be told to hang.
//
// Messages from the driver: { reset: true }, { hang: port or null }, { report: true }.

import { createServer } from 'node:http';

let received = new Map();
let hanging = null;

function entry(port) {
  let found = received.get(port);
  if (found === undefined) {
    found = { tokens: 0, wrong: 0, sids: new Set(), jtis: new Set(), algs: new Set(), sample: undefined };
    received.set(port, found);
  }
  return found;
}

function note(port, body) {
  const token = new URLSearchParams(body).get('logout_token');
  const seen = entry(port);
  seen.tokens += 1;
  try {
    const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url'));
    const { alg } = JSON.parse(header);
    const { sid, jti, aud } = JSON.parse(claims);
    if (![aud].flat()[0].endsWith(`-${port}`)) seen.wrong += 1;
    seen.sids.add(sid);
    seen.jtis.add(jti);
    seen.algs.add(alg);
    seen.sample ??= token;
  } catch {
    seen.wrong += 1;
  }
}

function listen() {
  return new Promise((resolve) => {
    const server = createServer((request, response) => {
      const { port } = server.address();
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        if (port === hanging) return;
        note(port, body);
        response.writeHead(200, { 'cache-control': 'no-store' });
        response.end();
      });
    });
    server.keepAliveTimeout = 120_000;
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

process.on('message', (message) => {
  if (message.reset) received = new Map();
  if (message.hang !== undefined) hanging = message.hang;
  if (message.report) {
    const report = {};
    for (const [port, seen] of received) {
      report[port] = {
        tokens: seen.tokens,
        wrong: seen.wrong,
        sids: seen.sids.size,
        jtis: seen.jtis.size,
        algs: [...seen.algs],
        sample: seen.sample,
      };
    }
    process.send({ report });
  }
});

process.on('disconnect', () => process.exit(0));

const ports = [];
for (let count = Number(process.argv[2]); count > 0; count -= 1) ports.push(await listen());
process.send({ ports });
