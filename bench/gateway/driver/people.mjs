// People at a route: they sign in through its doors, as browsers do.

import { Browser } from '../../driver/browser.mjs';
import { PASSWORD } from '../../driver/flows.mjs';
import { forEach, request } from '../../driver/http.mjs';

const IN_FLIGHT = 32;
const MAX_HOPS = 8;

/** Signs `user` in at the route of `origin`, and returns the `Cookie` header of the browser there. */
export async function signIn(origin, user) {
  const browser = new Browser();
  const target = `${origin}/public/signed-in`;
  let at = { left: `${origin}/.acquit/sign_in?redirect_uri=${encodeURIComponent('/public/signed-in')}` };
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    if (at.form?.names.has('username')) at = await browser.submit(at, { username: user, password: PASSWORD });
    else if (at.left !== undefined) at = await browser.open(at.left);
    else break;
  }
  if (at.url !== target || at.status !== 200) throw new Error(`${user} is not signed in: ${JSON.stringify(at).slice(0, 2000)}`);
  return browser.cookieHeader(target);
}

/** Signs all `users` in, and returns the session's id and the cookies of each. */
export async function signInAll(server, origin, users) {
  const cookies = new Map(await forEach(users, IN_FLIGHT, async (user) => [user, await signIn(origin, user)]));
  const found = [];
  const headers = { authorization: `Bearer ${server.token}` };
  for (let next = ''; next !== null; ) {
    const after = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const url = `http://127.0.0.1:${server.port}/api/v1/sessions?state=live&limit=100${after}`;
    const answer = await request('GET', url, headers);
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body}`);
    const page = JSON.parse(answer.body);
    for (const { id, user } of page.data) if (cookies.has(user.username)) found.push({ id, cookie: cookies.get(user.username) });
    next = page.next ?? null;
  }
  if (found.length !== users.length) throw new Error(`${found.length} sessions of ${users.length} people`);
  return found;
}
