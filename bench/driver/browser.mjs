// A browser without script: a cookie jar of its own, redirects, and forms.

import { form, request } from './http.mjs';

const MAX_HOPS = 12;
const NAVIGATION = {
  accept: 'text/html,application/xhtml+xml',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) acquit-bench',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

export class Browser {
  #cookies = new Map();

  /** Goes to a page; follows redirects until one leaves for another origin. */
  open(url) {
    return this.#follow('GET', url, { 'sec-fetch-site': 'cross-site' });
  }

  /** Sends a form of `page`, with `fields` filled in over its hidden ones. */
  submit(page, fields = {}) {
    const { method, action, hidden } = page.form;
    const origin = new URL(page.url).origin;
    const sent = form({ ...hidden, ...fields });
    const headers = { ...sent.headers, origin, referer: page.url, 'sec-fetch-site': 'same-origin' };
    return this.#follow(method, new URL(action, page.url).href, headers, sent.body);
  }

  /** Where the navigation ended: `left` is the URL of another origin, or the page that was shown. */
  async #follow(method, url, headers, body) {
    const { origin } = new URL(url);
    for (let hop = 0; hop < MAX_HOPS; hop += 1) {
      const cookie = this.cookieHeader(url);
      const answer = await request(method, url, { ...NAVIGATION, ...headers, ...(cookie && { cookie }) }, body);
      this.#keep(url, answer.cookies);
      const { location } = answer;
      if (location === undefined) {
        return { url, status: answer.status, body: answer.body, form: readForm(answer.body) };
      }
      url = new URL(location, url).href;
      if (!url.startsWith(`${origin}/`)) return { left: url };
      method = 'GET';
      body = undefined;
      headers = { 'sec-fetch-site': headers['sec-fetch-site'] };
    }
    throw new Error(`more than ${MAX_HOPS} redirects, the last to ${url}`);
  }

  /** The value of the `Cookie` header of a request to `url`. */
  cookieHeader(url) {
    const { hostname, pathname } = new URL(url);
    const sent = [];
    for (const cookie of this.#cookies.values()) {
      const { host, path } = cookie;
      if (host !== hostname) continue;
      if (path === '/' || pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)) {
        sent.push(`${cookie.name}=${cookie.value}`);
      }
    }
    return sent.join('; ');
  }

  #keep(url, lines) {
    const host = new URL(url).hostname;
    for (const line of lines) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(name.length + 1);
      const attribute = (key) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
      const path = attribute('path') ?? '/';
      const expires = attribute('expires');
      const gone = attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) <= Date.now());
      const key = `${host} ${path} ${name}`;
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, { name, value, host, path });
    }
  }
}

/** The first POST form of a page with its hidden inputs and the names of the others. */
function readForm(html) {
  const found = /<form\b([^>]*\bmethod="?post\b[^>]*)>([\s\S]*?)<\/form>/i.exec(html);
  if (found === null) return undefined;
  const hidden = {};
  const names = new Set();
  for (const [tag] of found[2].matchAll(/<(?:input|button)\b[^>]*>/gi)) {
    const name = readAttribute(tag, 'name');
    if (name === undefined) continue;
    if (readAttribute(tag, 'type')?.toLowerCase() === 'hidden') hidden[name] = readAttribute(tag, 'value') ?? '';
    else names.add(name);
  }
  return { method: 'POST', action: readAttribute(found[1], 'action') ?? '', hidden, names };
}

function readAttribute(tag, name) {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return found === null ? undefined : unescape(found[1] ?? found[2] ?? found[3]);
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name] ?? whole;
  });
}
