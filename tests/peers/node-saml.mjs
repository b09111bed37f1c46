// A SAML application made of the npm package @node-saml/node-saml, to hold Acquit against software by others.
//   node node-saml.mjs '{"port":…,"key":"…","certificate":"…","decryption":{"key":"…","certificate":"…"},"answers":"redirect"}'
// Prints "ready" once it listens; ends with its standard input. It learns its identity provider by `/trust?metadata=URL`.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { SAML, ValidateInResponseTo, generateServiceProviderMetadata } from "@node-saml/node-saml";
import { signSamlPost } from "@node-saml/node-saml/lib/saml-post-signing.js";
import { parseXml2JsFromString } from "@node-saml/node-saml/lib/xml.js";

const options = JSON.parse(process.argv[2]);
const origin = `http://127.0.0.1:${options.port}`;
const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

const mine = {
  issuer: `${origin}/metadata`,
  callbackUrl: `${origin}/acs`,
  logoutCallbackUrl: `${origin}/slo`,
  privateKey: options.key,
  publicCerts: options.certificate,
  // Of its own: what signs does not decrypt.
  decryptionPvk: options.decryption.key,
  decryptionCert: options.decryption.certificate,
  signatureAlgorithm: "sha256",
  digestAlgorithm: "sha256",
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  validateInResponseTo: ValidateInResponseTo.always,
};

let saml;
let logouts;
let logoutUrl;
const sessions = new Map();
const asked = new Map();
const told = [];

const cookieOf = (request) => /(?:^|; )node-sp=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
const escape = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const page = (response, status, mark, session, text) => {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(`<!doctype html><main data-page="${mark}" data-session="${session}"><h1>${escape(text)}</h1></main>`);
};
const redirect = (response, url, headers = {}) => {
  response.writeHead(303, { location: String(url), "cache-control": "no-store", ...headers });
  response.end();
};
// The library signs logout messages only for the Redirect binding; this is its own signature for a posted AuthnRequest.
const formPost = (response, field, xml, root, relayState) => {
  const signed = signSamlPost(xml, `/*[local-name(.)="${root}" and namespace-uri(.)="${PROTOCOL}"]`, saml.options);
  const fields = [[field, Buffer.from(signed).toString("base64")], ...(relayState ? [["RelayState", relayState]] : [])];
  const inputs = fields.map(([name, value]) => `<input type="hidden" name="${name}" value="${escape(value)}">`);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(`<!doctype html><form method="post" action="${escape(logoutUrl)}" data-form-post>${inputs.join("")}</form>`);
};

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()));
}

// Checks with the library; what it refuses is told as an error page and ends nothing.
async function checked(response, what, check) {
  try {
    const result = await check();
    told.push({ what, good: true });
    return result;
  } catch (error) {
    told.push({ what, good: false, error: String(error) });
    page(response, 400, "refused", "none", error);
    return null;
  }
}

const routes = {
  "GET /metadata"(request, response) {
    response.writeHead(200, { "content-type": "application/samlmetadata+xml" });
    response.end(generateServiceProviderMetadata(mine));
  },
  async "GET /trust"(request, response, query) {
    const url = query.get("metadata");
    const description = await parseXml2JsFromString(await (await fetch(url)).text());
    const idp = description.EntityDescriptor.IDPSSODescriptor[0];
    const at = (list, binding) => list.find((endpoint) => endpoint.$.Binding === binding).$.Location;
    const keys = idp.KeyDescriptor.filter((key) => key.$.use === "signing");
    const text = (element) => element._ ?? element;
    logoutUrl = at(idp.SingleLogoutService, POST);
    const trusted = {
      ...mine,
      idpIssuer: description.EntityDescriptor.$.entityID,
      entryPoint: at(idp.SingleSignOnService, REDIRECT),
      logoutUrl: at(idp.SingleLogoutService, REDIRECT),
      idpCert: keys.map((key) => text(key.KeyInfo[0].X509Data[0].X509Certificate[0])),
    };
    saml = new SAML(trusted);
    // The library looks for InResponseTo in a Response only, so "always" would refuse every posted LogoutResponse.
    logouts = new SAML({ ...trusted, validateInResponseTo: ValidateInResponseTo.ifPresent });
    page(response, 200, "trusts", "none", saml.options.idpIssuer);
  },
  "GET /"(request, response) {
    const session = sessions.get(cookieOf(request));
    page(response, 200, "home", session?.live ? "live" : "none", session?.live ? session.profile.nameID : "Nobody is signed in.");
  },
  // Not with a space in the RelayState: the library signs it as %20 and sends it as +, which no verifier may accept.
  async "GET /login"(request, response) {
    redirect(response, await saml.getAuthorizeUrlAsync("/inbox?a=b&c=d", undefined, {}));
  },
  async "POST /acs"(request, response) {
    const form = await read(request);
    const found = await checked(response, "Response", () => saml.validatePostResponseAsync(form));
    if (!found) return;
    const id = randomBytes(16).toString("hex");
    sessions.set(id, { live: true, profile: found.profile });
    redirect(response, "/", { "set-cookie": `node-sp=${id}; Path=/; HttpOnly; SameSite=Lax` });
  },
  async "GET /logout"(request, response, query) {
    const session = sessions.get(cookieOf(request));
    const profile = { ...session.profile, ...(query.has("everywhere") && { sessionIndex: undefined }) };
    const relayState = randomBytes(8).toString("hex");
    asked.set(relayState, session);
    if (query.get("by") === "post") {
      const xml = await saml._generateLogoutRequest(profile);
      return formPost(response, "SAMLRequest", xml, "LogoutRequest", relayState);
    }
    redirect(response, await saml.getLogoutUrlAsync(profile, relayState, {}));
  },
  async "POST /slo"(request, response) {
    const form = await read(request);
    if (form.SAMLResponse) {
      const found = await checked(response, "LogoutResponse", async () => {
        const result = await logouts.validatePostResponseAsync(form);
        const xml = Buffer.from(form.SAMLResponse, "base64").toString();
        // Its status, issuer and InResponseTo, by what the library does for the Redirect binding.
        await saml.verifyLogoutResponse(await parseXml2JsFromString(xml));
        return result;
      });
      if (!found) return;
      const session = asked.get(form.RelayState);
      session.live = false;
      return page(response, 200, "landing", "none", "Signed out.");
    }
    const found = await checked(response, "LogoutRequest", () => saml.validatePostRequestAsync(form));
    if (!found) return;
    const { nameID, sessionIndex } = found.profile;
    let ended = 0;
    for (const session of sessions.values()) {
      const matches = session.profile.nameID === nameID && (!sessionIndex || session.profile.sessionIndex === sessionIndex);
      if (session.live && matches) {
        session.live = false;
        ended += 1;
      }
    }
    told.at(-1).ended = ended;
    if (options.answers === "post") {
      const xml = saml._generateLogoutResponse(found.profile, ended > 0);
      return formPost(response, "SAMLResponse", xml, "LogoutResponse", form.RelayState);
    }
    redirect(response, await saml.getLogoutResponseUrlAsync(found.profile, form.RelayState, {}, ended > 0));
  },
  "GET /told"(request, response) {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(told));
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url, origin);
  const route = routes[`${request.method} ${url.pathname}`];
  try {
    await (route ? route(request, response, url.searchParams) : page(response, 404, "none", "none", "Nothing here."));
  } catch (error) {
    page(response, 500, "broken", "none", error.stack);
  }
});
server.listen(options.port, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0)).resume();
