// An application made of the npm packages openid-client and jose, to hold Acquit against software by others.
//   node openid-client.mjs '{"port":…,"issuer":"http://…","client_id":"…","client_secret":"…","alg":"RS256"}'
// Prints "ready" once it listens; ends with its standard input.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import * as client from "openid-client";
import * as jose from "jose";

const options = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${options.port}`;
const redirectUri = `${origin}/callback`;
const EVENT = "http://schemas.openid.net/event/backchannel-logout";

const metadata = { id_token_signed_response_alg: options.alg, use_mtls_endpoint_aliases: false };
const config = await client.discovery(
  new URL(options.issuer),
  options.client_id,
  metadata,
  client.ClientSecretBasic(options.client_secret),
  { execute: [client.allowInsecureRequests] },
);
// Every signature is checked, also of tokens that came over a direct connection.
client.enableNonRepudiationChecks(config);
const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri), { cooldownDuration: 0 });

const begun = new Map();
const sessions = new Map();
const told = [];
const seen = new Set();

const cookieOf = (request) => /(?:^|; )node-rp=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
const page = (response, status, session, text) => {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  const escaped = String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  response.end(`<!doctype html><main data-page="home" data-session="${session}"><h1>${escaped}</h1></main>`);
};
const json = (response, status, body) => {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
};
const redirect = (response, url, headers = {}) => {
  response.writeHead(302, { location: String(url), ...headers });
  response.end();
};

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

const routes = {
  async "GET /"(request, response) {
    const session = sessions.get(cookieOf(request));
    page(response, 200, session?.live ? "live" : "none", session?.live ? session.claims.sub : "Nobody is signed in.");
  },
  async "GET /login"(request, response) {
    const verifier = client.randomPKCECodeVerifier();
    const checks = {
      pkceCodeVerifier: verifier,
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
      idTokenExpected: true,
    };
    const parameters = {
      redirect_uri: redirectUri,
      scope: options.scope ?? "openid email",
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: checks.expectedState,
      nonce: checks.expectedNonce,
    };
    const url = options.par
      ? await client.buildAuthorizationUrlWithPAR(config, parameters)
      : client.buildAuthorizationUrl(config, parameters);
    begun.set(checks.expectedState, checks);
    redirect(response, url);
  },
  async "GET /callback"(request, response) {
    const url = new URL(request.url, origin);
    const checks = begun.get(url.searchParams.get("state"));
    begun.delete(url.searchParams.get("state"));
    const tokens = await client.authorizationCodeGrant(config, url, checks);
    const id = randomBytes(16).toString("hex");
    sessions.set(id, { live: true, tokens, claims: tokens.claims() });
    redirect(response, "/", { "set-cookie": `node-rp=${id}; Path=/; HttpOnly; SameSite=Lax` });
  },
  async "GET /refresh"(request, response) {
    const session = sessions.get(cookieOf(request));
    try {
      session.tokens = { ...session.tokens, ...(await client.refreshTokenGrant(config, session.tokens.refresh_token)) };
      json(response, 200, { refreshed: true });
    } catch (error) {
      json(response, 200, { refreshed: false, error: error.error ?? String(error) });
    }
  },
  async "GET /userinfo"(request, response) {
    const session = sessions.get(cookieOf(request));
    try {
      json(response, 200, await client.fetchUserInfo(config, session.tokens.access_token, session.claims.sub));
    } catch (error) {
      json(response, 200, { error: error.cause?.[0]?.parameters?.error ?? error.code ?? String(error) });
    }
  },
  async "GET /introspect"(request, response) {
    const session = sessions.get(cookieOf(request));
    json(response, 200, await client.tokenIntrospection(config, session.tokens.access_token));
  },
  async "GET /logout"(request, response) {
    const session = sessions.get(cookieOf(request));
    session.live = false;
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: session.tokens.id_token,
      post_logout_redirect_uri: `${origin}/bye`,
      state: "a state & more",
    });
    redirect(response, url);
  },
  async "GET /bye"(request, response) {
    page(response, 200, "none", `state: ${new URL(request.url, origin).searchParams.get("state")}`);
  },
  async "GET /told"(request, response) {
    json(response, 200, told);
  },
  async "POST /backchannel"(request, response) {
    const token = new URLSearchParams(await read(request)).get("logout_token");
    try {
      const { payload, protectedHeader } = await jose.jwtVerify(token, keys, {
        issuer: options.issuer,
        audience: options.client_id,
        algorithms: [options.alg],
        typ: "logout+jwt",
        requiredClaims: ["iat", "exp", "jti", "events", "sid"],
        maxTokenAge: "2 minutes",
      });
      if (typeof payload.events[EVENT] !== "object") throw new Error("no back-channel event");
      if ("nonce" in payload) throw new Error("a nonce");
      if (seen.has(payload.jti)) throw new Error("a jti that came before");
      seen.add(payload.jti);
      let ended = 0;
      for (const session of sessions.values()) {
        if (session.live && session.claims.sid === payload.sid) {
          session.live = false;
          ended += 1;
        }
      }
      told.push({ good: true, ended, claims: Object.keys(payload).sort(), header: protectedHeader });
      json(response, 200, {});
    } catch (error) {
      told.push({ good: false, error: String(error) });
      json(response, 400, { error: "invalid_request", error_description: String(error) });
    }
  },
};

const server = createServer(async (request, response) => {
  const route = routes[`${request.method} ${new URL(request.url, origin).pathname}`];
  try {
    await (route ? route(request, response) : page(response, 404, "none", "Nothing here."));
  } catch (error) {
    page(response, 500, "none", `${error} ${JSON.stringify(error.cause ?? null)}`);
  }
});
server.listen(options.port, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
