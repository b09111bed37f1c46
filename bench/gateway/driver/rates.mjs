// What one request costs: through the gateway, through nginx, and where other proxies ask.

import { BODY } from './nginx.mjs';
import { signIn } from './people.mjs';
import { VISITOR } from './world.mjs';

/** What is measured, in the order of a round. */
export async function targets(world) {
  const { acquit, app, auth, asking, plain, port, trivial } = world;
  const cookie = await signIn(world.origin('app'), VISITOR);
  const untold = await signIn(world.origin('untold'), VISITOR);
  const host = world.host('app');
  const own = acquit.pids;
  const through = { port, own, others: [app.pids], body: BODY };
  const asked = { host: `127.0.0.1:${acquit.port}`, cookie };
  const nginx = { ...asked, 'x-original-url': `http://${host}/x`, 'x-original-method': 'GET' };
  const traefik = {
    ...asked,
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': host,
    'x-forwarded-uri': '/x',
    'x-forwarded-for': '127.0.0.1',
  };
  const behind = { path: '/x', headers: { host, cookie }, body: BODY };
  return [
    { ...through, name: 'public', path: '/public/x', headers: { host } },
    { ...through, name: 'checked', path: '/x', headers: { host: world.host('untold'), cookie: untold } },
    { ...through, name: 'told', path: '/x', headers: { host, cookie } },
    { ...behind, name: 'nginx', port: plain.port, own: plain.pids, others: [app.pids] },
    { ...behind, name: 'nginx asking', port: asking.port, own: asking.pids, others: [app.pids, auth.pids] },
    { name: 'for nginx', port: acquit.port, path: '/auth/nginx', headers: nginx, own, body: '' },
    { name: 'for traefik', port: acquit.port, path: '/auth/traefik', headers: traefik, own, body: '' },
    { name: 'trivial', port: trivial.port, path: '/auth/nginx', headers: nginx, own: trivial.pids, body: 'yes\n' },
  ];
}

/** Figures by name, one for each round: CPU µs of the process, of all processes, and requests per second on the clock. */
export async function rates(load, all, { rounds, seconds, only, say }) {
  const figures = {};
  const chosen = all.filter(({ name }) => only === undefined || only.includes(name));
  for (const target of chosen) await load.run(target, 1);
  for (let round = 1; round <= rounds; round += 1) {
    for (const target of chosen) {
      const figure = await load.run(target, seconds);
      (figures[target.name] ??= []).push(figure);
      say(`${target.name}: ${figure.us.toFixed(1)} µs, with all ${figure.systemUs.toFixed(1)} µs, ${figure.perSecond.toFixed(0)}/s`);
    }
    say(`round ${round} of ${rounds} done`);
  }
  return figures;
}
