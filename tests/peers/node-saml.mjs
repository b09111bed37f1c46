// A SAML application made of the npm package @node-saml/node-saml, told of logouts by POST, to hold Acquit against software by
// others.
//   node node-saml.mjs '{"port":…,"issuer":"http://…","entity_id":"…","key":"sp.key","certificate":"sp.crt"}'
// Prints "ready" once it listens; ends with its standard input.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { SAML } from "@node-saml/node-saml";

const options = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${options.port}`;
const metadata = await (await fetch(`${options.issuer}/saml/metadata`)).text();
const idpCert = [...metadata.matchAll(/X509Certificate>([^<]+)</g)].map((match) => match[1]);

const saml = new SAML({
  issuer: options.entity_id,
  callbackUrl: `${origin}/acs`,
  entryPoint: `${options.issuer}/saml/sso`,
  logoutUrl: `${options.issuer}/saml/slo`,
  idpIssuer: `${options.issuer}/saml/metadata`,
  idpCert,
  privateKey: readFileSync(options.key, "utf8"),
  publicCert: readFileSync(options.certificate, "utf8"),
  signatureAlgorithm: "sha256",
  digestAlgorithm: "sha256",
  identifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  // "always" would refuse every LogoutResponse by POST: the package looks for InResponseTo in Responses alone.
  validateInResponseTo: "ifPresent",
  acceptedClockSkewMs: 5000,
});

const sessions = new Map();
const told = [];

const page = (mark, session, text) =>
  `<!doctype html><html lang="en"><title>${mark}</title><main data-page="${mark}" data-session="${session}"><h1>${text}</h1></main></html>`;

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return Object.fromEntries(new URLSearchParams(text));
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, origin);
  const cookie = /node-saml=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
  const html = (status, text, headers = {}) => {
    response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", ...headers });
    response.end(text);
  };
  const go = (location) => response.writeHead(302, { location }).end();
  try {
    switch (`${request.method} ${url.pathname}`) {
      case "GET /":
        return html(200, page("home", sessions.has(cookie) ? "live" : "none", "Home"));
      case "GET /login":
        // Without spaces: the package signs them as %20 and sends them as +, which is another text.
        return go(await saml.getAuthorizeUrlAsync("relay", undefined, {}));
      case "POST /acs": {
        const { profile } = await saml.validatePostResponseAsync(await body(request));
        const session = randomBytes(16).toString("hex");
        sessions.set(session, profile);
        return html(200, page("signed-in", "live", "In"), { "set-cookie": `node-saml=${session}; Path=/; HttpOnly` });
      }
      case "GET /logout": {
        const profile = sessions.get(cookie);
        sessions.delete(cookie);
        return go(await saml.getLogoutUrlAsync(profile, "back", {}));
      }
      case "POST /slo": {
        const fields = await body(request);
        if (fields.SAMLResponse) {
          const { loggedOut } = await saml.validatePostResponseAsync(fields);
          return html(200, page("landing", "none", `${loggedOut} ${fields.RelayState}`));
        }
        const { profile } = await saml.validatePostRequestAsync(fields);
        let ended = 0;
        for (const [session, known] of sessions) {
          if (known.nameID === profile.nameID && (!profile.sessionIndex || known.sessionIndex === profile.sessionIndex)) {
            sessions.delete(session);
            ended += 1;
          }
        }
        told.push({ sessionIndex: profile.sessionIndex, ended });
        return go(await saml.getLogoutResponseUrlAsync(profile, fields.RelayState, {}, true));
      }
      case "GET /told":
        response.writeHead(200, { "content-type": "application/json" });
        return response.end(JSON.stringify(told));
      default:
        return html(404, page("nothing", "none", "Nothing here."));
    }
  } catch (error) {
    const text = String(error).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return html(400, page("failed", "none", text));
  }
});
server.listen(options.port, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
