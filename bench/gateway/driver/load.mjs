// Load by wrk, and whether what came back was what should: a figure of wrong answers is no figure.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CpuMeter } from '../../driver/cpu.mjs';
import { Connection, encode } from '../../driver/raw.mjs';
import { output } from '../../driver/process.mjs';

/** Connections, in every closed loop. */
export const CONNECTIONS = 64;
/** How far the bytes that came may be from whole answers: some are under way when the time is up. */
const TOLERANCE = 0.005;

/** What wrk says at the end, exactly; its own words round. */
const REPORT = `function done(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"bytes":%d,"us":%d,"errors":%d}\\n', summary.requests, summary.bytes,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

/**
 * One request to be repeated.
 * @typedef {{ name: string, port: number, path: string, headers: Record<string, string>, body?: string,
 *   own: () => number[], others?: (() => number[])[] }} Target
 */

export class Load {
  constructor({ dir, cpu }) {
    this.script = join(dir, 'report.lua');
    this.cpu = cpu;
    writeFileSync(this.script, REPORT);
  }

  /** CPU µs for one request: of the process under test (`us`) and of it with those that it needs (`systemUs`). */
  async run(target, seconds) {
    const size = await probe(target);
    // wrk looks for its name in this case only, and would send a second one.
    const { host, ...others } = target.headers;
    const headers = Object.entries({ Host: host, ...others }).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const url = `http://127.0.0.1:${target.port}${target.path}`;
    const own = new CpuMeter(target.own);
    const beside = new CpuMeter(() => (target.others ?? []).flatMap((pids) => pids()));
    const wrk = ['-c', this.cpu, 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', this.script, ...headers, url];
    const said = JSON.parse((await output('taskset', wrk)).trim().split('\n').pop());
    const [us, besideUs] = [own.stop() / said.requests, beside.stop() / said.requests];
    const wrong = Math.abs(said.bytes / (said.requests * size) - 1);
    if (said.errors > 0 || said.requests === 0 || wrong > TOLERANCE) {
      throw new Error(`${target.name}: ${JSON.stringify(said)} for answers of ${size} bytes`);
    }
    return { us, systemUs: us + besideUs, perSecond: (said.requests * 1e6) / said.us };
  }
}

/** Asks once, checks the answer to the letter, and returns how many bytes it has. */
async function probe({ name, port, path, headers, body }) {
  const connection = new Connection('127.0.0.1', port);
  const answer = await new Promise((resolve, reject) => {
    const { host, ...others } = headers;
    connection.ask(encode('GET', host, path, others), (error, got) => (error === undefined ? resolve(got) : reject(error)));
  });
  connection.close();
  if (!answer.head.startsWith('HTTP/1.1 200 ') || (body !== undefined && answer.body !== body)) {
    throw new Error(`${name} answered ${answer.head}\n\n${answer.body.slice(0, 500)}`);
  }
  return answer.head.length + 4 + Buffer.byteLength(answer.body);
}
