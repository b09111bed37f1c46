// An identity provider made of the npm package oidc-provider, upstream of Acquit.
//   node oidc-provider.mjs '{"port":…,"control":…,"clients":[…]}'
// Prints "ready" once it listens; ends with its standard input. On the second port it tells the test what it knows:
//   GET /state   the accounts with a live session, the tokens that it issued with whether they are good, what it was asked
//   POST /off    closes the first port, as if the machine were gone; POST /on opens it again
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

const options = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${options.port}`;

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), kid: "upstream", use: "sig", alg: "RS256" };
// The library has advice for who runs it in earnest.
console.info = console.warn = () => {};
const { default: Provider } = await import("oidc-provider");

const sessions = new Map();
const values = new Map();
const asked = [];
const told = [];

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const page = (mark, body) =>
  `<!doctype html><html lang="en"><title>Upstream</title><main data-page="upstream-${mark}">${body}</main></html>`;

const provider = new Provider(issuer, {
  clients: options.clients,
  jwks: { keys: [key] },
  cookies: { keys: ["a cookie key of the tests"], names: { session: "up_session", interaction: "up_int", resume: "up_res" } },
  claims: { openid: ["sub"], profile: ["name", "given_name", "family_name", "groups", "dept"], email: ["email", "email_verified"] },
  scopes: ["openid", "offline_access", "profile", "email"],
  extraParams: ["hd", "domain_hint"],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        const button = '<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>';
        ctx.body = page("sign-out", `${form}${button}`);
      },
      postLogoutSuccessSource(ctx) {
        ctx.body = page("signed-out", "Signed out.");
      },
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(_ctx, sub) {
    const name = sub.replace(/^up-/, "");
    const family = "Upstream";
    const claims = {
      sub,
      name: `${name} ${family}`,
      given_name: name,
      family_name: family,
      email: `${name}@customer.example`,
      email_verified: true,
      groups: ["Everyone", "Payroll"],
      dept: "R&D",
    };
    return { accountId: sub, claims: async () => claims };
  },
  async loadExistingGrant(ctx) {
    const { client, result, session } = ctx.oidc;
    const id = result?.consent?.grantId || session.grantIdFor(client.clientId);
    if (id) return provider.Grant.find(id);
    const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
    grant.addOIDCScope("openid profile email offline_access");
    await grant.save();
    return grant;
  },
  // The dispatcher that it injects refuses loopback, where Acquit is.
  fetch: (url, { dispatcher, ...rest }) => globalThis.fetch(url, rest),
});

provider.on("session.saved", (session) => {
  if (session.accountId) sessions.set(session.uid, session.accountId);
});
provider.on("session.destroyed", (session) => sessions.delete(session.uid));
for (const kind of ["access_token", "refresh_token"]) {
  for (const event of ["issued", "saved"]) provider.on(`${kind}.${event}`, (token) => values.set(token.jti, kind));
}
provider.on("backchannel.success", (_ctx, _client, account) => told.push({ account, good: true }));
provider.on("backchannel.error", (_ctx, error, _client, account) => {
  told.push({ account, good: false, error: String(error) });
});
provider.on("server_error", (_ctx, error) => console.error(error));

provider.use(async (ctx, next) => {
  await next();
  const entry = { method: ctx.method, path: ctx.path, query: { ...ctx.query }, status: ctx.status };
  if (ctx.oidc?.body) entry.form = { ...ctx.oidc.body };
  asked.push(entry);
});

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** The sign-in form: everybody who gives a name is believed. Consent is given without a page. */
async function interaction(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const merge = { mergeWithLastSubmission: true };
  if (prompt.name === "consent") {
    const { session } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope("openid profile email offline_access");
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, merge);
  }
  if (request.method === "POST") {
    const form = new URLSearchParams(await read(request));
    if (form.get("decision") === "refuse") {
      const error = { error: "access_denied", error_description: "the person refused" };
      return provider.interactionFinished(request, response, error, merge);
    }
    return provider.interactionFinished(request, response, { login: { accountId: `up-${form.get("login")}` } }, merge);
  }
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  const hint = escaped(params.login_hint ?? "");
  const buttons = '<button name="decision" value="go">Go</button><button name="decision" value="refuse">Refuse</button>';
  response.end(page("sign-in", `<form method="post"><input name="login" value="${hint}">${buttons}</form>`));
}

const failed = (response) => (error) => {
  response.statusCode = 500;
  response.end(String(error.stack ?? error));
};
const handle = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) return handle(request, response);
  interaction(request, response).catch(failed(response));
});
const open = () => new Promise((opened) => server.listen(options.port, "127.0.0.1", opened));

async function state() {
  const kinds = { access_token: provider.AccessToken, refresh_token: provider.RefreshToken };
  const known = [];
  for (const [value, kind] of values) {
    const token = await kinds[kind].find(value);
    known.push({ kind, value, active: token !== undefined && token.isValid });
  }
  return { sessions: [...sessions.values()], tokens: known, asked, told };
}

const control = createServer(async (request, response) => {
  let body = {};
  if (request.url === "/off") {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  } else if (request.url === "/on") {
    await open();
  } else {
    body = await state();
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
});

await open();
control.listen(options.control, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
