// An HTTP client that costs little, so that the server is the slower of the two: a server that waits for its client goes to
// sleep and is woken for each request, which costs it more than answering. One request at a time on each kept-alive socket.

import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

/** The bytes of a request. */
export function encode(method, host, target, headers, body = '') {
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return `${head}\r\n${body}`;
}

/** A kept-alive connection. */
export class Connection {
  #socket;
  #held;
  #waiting;

  constructor(hostname, port) {
    // RFC 6761: names below `localhost` are this machine, whatever its resolver knows of them.
    const host = hostname.endsWith('.localhost') ? '127.0.0.1' : hostname;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error(`${hostname}:${port} closed the connection`)));
  }

  /** Sends a request's bytes; `done` gets an error, or undefined and the whole answer. */
  ask(bytes, done) {
    this.#waiting = done;
    this.#socket.write(bytes);
  }

  get open() {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  close() {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk) {
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    let answer;
    try {
      answer = decode(this.#held);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (answer === undefined) return;
    this.#held = undefined;
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.(undefined, answer);
  }

  #fail(error) {
    const done = this.#waiting;
    this.#waiting = undefined;
    this.#socket.destroy();
    done?.(error);
  }
}

/** The answer in `bytes`, once it is whole. */
function decode(bytes) {
  const at = bytes.indexOf(HEAD_END);
  if (at < 0) return undefined;
  const head = bytes.latin1Slice(0, at);
  const start = at + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) {
    const end = start + Number(length[1]);
    return bytes.length < end ? undefined : { head, body: bytes.utf8Slice(start, end) };
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return dechunk(bytes, head, start);
  if (/^HTTP\/1.1 (?:204|304)/.test(head)) return { head, body: '' };
  throw new Error(`an answer without a length: ${head}`);
}

function dechunk(bytes, head, start) {
  let body = '';
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.latin1Slice(at, line), 16);
    const end = line + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (size === 0) return { head, body };
    body += bytes.utf8Slice(line + 2, end);
    at = end + 2;
  }
}

/** A header's values in an answer's head. */
export function headerValues(head, name) {
  const found = [];
  for (let at = head.indexOf('\r\n'); at >= 0; at = head.indexOf('\r\n', at + 2)) {
    const colon = at + 2 + name.length;
    if (head[colon] !== ':' || head.slice(at + 2, colon).toLowerCase() !== name) continue;
    const end = head.indexOf('\r\n', colon);
    found.push(head.slice(colon + 1, end < 0 ? undefined : end).trim());
  }
  return found;
}

/**
 * Sends the prepared `requests` in turn over `connections` sockets for `seconds`; `check` is given each answer's body and
 * the number of its request. Returns how many were answered.
 */
export async function forSecondsRaw(seconds, connections, url, requests, check) {
  const { hostname, port } = new URL(url);
  const end = performance.now() + seconds * 1000;
  let done = 0;
  let next = 0;
  const one = () =>
    new Promise((resolve, reject) => {
      const connection = new Connection(hostname, Number(port));
      const ask = () => {
        const index = next % requests.length;
        next += 1;
        connection.ask(requests[index], (error, answer) => {
          try {
            if (error !== undefined) throw error;
            check(answer.body, index);
          } catch (failure) {
            reject(failure);
            return;
          }
          done += 1;
          if (performance.now() < end) return ask();
          connection.close();
          resolve();
        });
      };
      ask();
    });
  await Promise.all(Array.from({ length: connections }, one));
  return done;
}
