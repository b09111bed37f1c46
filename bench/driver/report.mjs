// A run as text: a table for the terminal, and bench/RESULTS.md.

import { GOALS, figure, ours, perDelivery, spread, verdict } from './goals.mjs';
import { CONNECTIONS, IN_FLIGHT } from './measure.mjs';

const BY_HAND = '<!-- Written by hand from here on; bench/run keeps it. -->';
const number = (value) => (value === undefined ? '–' : value.toFixed(value < 20 ? 1 : 0));

const OPERATIONS = [
  'sign-in RS256',
  'sign-in ES256',
  'introspection',
  'logout to 5, RS256',
  'logout to 5, ES256',
  'logout to 1, RS256',
  'logout to 1, ES256',
];

/** Goals and figures for the terminal. */
export function table(run) {
  const lines = [['goal', 'wanted', ...ours(run)]];
  for (const goal of GOALS) {
    const cells = ours(run).map((server) => {
      const found = goal.of(run, server);
      return found === undefined ? '–' : `${number(found.value)} ${verdict(goal, found.value).replaceAll('*', '')}`;
    });
    lines.push([goal.name, wanted(goal), ...cells]);
  }
  lines.push([], ['CPU µs for one', '', ...ours(run), 'oidc-provider']);
  for (const name of OPERATIONS) {
    const cells = [...ours(run), 'oidc-provider'].map((server) => cell(run, server, name));
    lines.push([name, '', ...cells]);
  }
  const widths = [];
  for (const line of lines) line.forEach((text, index) => (widths[index] = Math.max(widths[index] ?? 0, text.length)));
  return lines.map((line) => line.map((text, index) => text.padEnd(widths[index])).join('  ').trimEnd()).join('\n');
}

function wanted(goal) {
  return goal.least === undefined ? `≤ ${goal.most}` : `≥ ${goal.least}`;
}

/** The middle of the rounds, and the database's share beside it. */
function cell(run, server, name) {
  const value = figure(run, server, name);
  if (value === undefined) return '–';
  const { low, high } = spread(run, server, name);
  const database = figure(run, server, `${name}, database`);
  const beside = database === undefined ? '' : ` + ${number(database)}`;
  return `${number(value)}${beside} (${number(low)}–${number(high)})`;
}

/** The whole of bench/RESULTS.md; what was written by hand in the `previous` one stays. */
export function results(run, previous) {
  const at = previous.indexOf(BY_HAND);
  const byHand = at < 0 ? `${BY_HAND}\n` : previous.slice(at);
  return `${[head(run), goals(run), figures(run), method(run)].join('\n')}\n${byHand}`;
}

function rows(header, body) {
  return [header, header.map(() => '---'), ...body].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function head({ facts, rounds }) {
  const { signatures, disk } = facts;
  const body = [
    ['date', facts.begun.toISOString().slice(0, 16).replace('T', ' ')],
    ['machine', `${facts.cpu}, ${facts.memory}, Linux ${facts.kernel}`],
    ['Acquit', `commit ${facts.commit}, ${facts.rustc}, release profile`],
    ['peer', `oidc-provider ${facts.peer} on Node ${process.env.PEER_NODE ?? facts.driverNode}`],
    ['PostgreSQL', facts.postgres],
    ['load average before / after', `${facts.loadBefore} and ${facts.loadAfter} (1 / 5 min), on ${facts.cpu.split(' ')[0]} cores`],
    ['a bare signature here, by OpenSSL', `RS256 ${number(signatures.rs256)} µs, ES256 ${number(signatures.es256)} µs`],
    ['fdatasync of 8 KiB here', `${disk.perSecond}/s, p50 ${disk.p50.toFixed(2)} ms, p99 ${disk.p99.toFixed(2)} ms`],
    ['took', `${facts.minutes.toFixed(0)} min, ${rounds} rounds`],
  ];
  return `# What the benchmark measured\n\nBy \`bench/run\`; what a figure means is said below the tables.\n\n${rows(['', ''], body)}\n`;
}

function goals(run) {
  const body = GOALS.map((goal) => {
    const cells = ours(run).map((server) => {
      const found = goal.of(run, server);
      if (found === undefined) return '–';
      const from = found.unit === undefined ? '' : `, ${number(found.peer)} ÷ ${number(found.own)} ${found.unit}`;
      return `${number(found.value)} (${verdict(goal, found.value)}${from})`;
    });
    return [goal.name, wanted(goal), ...cells];
  });
  return `## Goals\n\n${rows(['', 'goal', ...ours(run)], body)}\n`;
}

function figures(run) {
  const servers = [...ours(run), 'oidc-provider'];
  const line = (name, of) => [name, ...servers.map(of)];
  const plain = (name) => (server) => number(figure(run, server, name));
  const cpu = [
    ...OPERATIONS.map((name) => line(name, (server) => cell(run, server, name))),
    ...['RS256', 'ES256'].map((alg) =>
      line(`a delivery, ${alg}`, (server) => {
        const database = perDelivery(run, server, alg, ', database');
        return number(perDelivery(run, server, alg)) + (database === undefined ? '' : ` + ${number(database)}`);
      }),
    ),
  ];
  const other = [
    ...['p50', 'p99'].map((key) => line(`logout to 5, RS256, ${IN_FLIGHT} at a time: ${key}, ms`, plain(`logout to 5, RS256, ${key}`))),
    ...['p50', 'p99', 'max'].map((key) => line(`one of five apps hangs: ${key}, ms`, plain(`hanging app, ${key}`))),
    line('tokens that the other four got in time', (server) =>
      `${plain('hanging app, told')(server)} of ${plain('hanging app, expected')(server)}`),
    line('first start to ready, ms', plain('first start')),
    line('start to ready with an existing database, ms', (server) => cell(run, server, 'start')),
    line('memory under load, MB', plain('memory under load')),
    line('memory after a start and a minute of nothing, MB', plain('idle memory')),
  ];
  return `## CPU µs of the server's process for one operation

The middle of ${run.rounds} rounds, lowest and highest behind it; on PostgreSQL the time of all its processes after the plus.

${rows(['', ...servers], cpu)}

## Other figures

${rows(['', ...servers], other)}
`;
}

function method({ seconds, size, hangingPerSecond, users }) {
  return `## How it is measured

- CPU time is what the kernel's scheduler counted for all threads of the server's process (\`/proc/PID/task/*/schedstat\`): time
  that neighbours steal is not in it. Rates and waits move with the neighbours and are printed as an aside.
- The same client code drives all servers, ${IN_FLIGHT} callers at a time over kept-alive loopback connections, one server after the other
  in each round, so that a ratio compares the same minutes.
- *Sign-in*: a new cookie jar, authorize with PKCE, \`state\` and \`nonce\`, sign-in, code, token. ${users} people, ${seconds} s for each figure.
- The peer keeps everything in a \`Map\` in memory, without a bound (its own store forgets all but 1,000 records), checks no password,
  draws no sign-in page and asks for no consent. Acquit draws its page, takes the form, checks an argon2id hash and commits to the disk:
  SQLite with full synchronisation, PostgreSQL with \`fsync\` and \`synchronous_commit\` on.
- **The hash has the smallest cost that argon2id knows** (8 KiB, one pass), so that the protocol is measured and not the password hash,
  which is dear on purpose; an operator's users pay that on top.
- *Introspection*: ${size.tokens} opaque tokens, one in ten revoked, each answer checked; prepared requests over ${CONNECTIONS} plain sockets, so
  that no server sleeps while the driver works.
- *Logout*: ${size.five} sessions told to 5 apps and ${size.one} told to 1, by RP-initiated logout with a hint; the peer always asks once more, Acquit
  needs no confirmation then. Measured from the first request until every token has arrived and 0.4 s more for the receipts.
  Every run compares what the receivers got with sessions × apps (each session once, each token's \`aud\`, algorithm and \`jti\`, one signature
  for each app); a difference fails it. The sessions are at least 11 s old, since Acquit tells an app that joined less than 10 s before twice.
- *A delivery with its receipt*: what four apps more add to a logout, divided by four.
- *One of five apps hangs*: it takes the request and never answers; ${size.hanging} logouts at ${hangingPerSecond} a second, from the click until the browser is on its
  way back to the app that asked.
- *Start*: from the spawn to the first 200 of \`/readyz\`, asked every millisecond, with what the run left in the database; the middle of ${size.starts}.
- *Memory* is resident memory in MB of 1,000,000 bytes.
`;
}
