// The two ways in which Pomerium's JavaScript SDK judges an assertion, re-created with the npm package jose.
//   node pomerium-sdk.mjs '{"assertion":"…","base":"http://app.localhost:1234","issuer":"…","audience":"…"}'
// Prints what each way found, as JSON.
import { request } from "node:http";
import * as jose from "jose";

const { assertion, base, issuer, audience } = JSON.parse(process.argv[2]);

// Names below .localhost are this machine's, as in browsers; not every resolver knows that.
const read = (url) =>
  new Promise((resolve, reject) => {
    const { host, port, pathname, search } = new URL(url);
    const path = url.slice(url.indexOf(host) + host.length) || pathname + search;
    const call = request({ host: "127.0.0.1", port, path, headers: { host } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve(JSON.parse(Buffer.concat(parts).toString())));
    });
    call.on("error", reject).end();
  });

const tried = async (way) => {
  try {
    return { payload: await way() };
  } catch (error) {
    return { error: error.code ?? String(error) };
  }
};

const judge = async (keys, options) => {
  const set = jose.createLocalJWKSet(keys);
  const { payload, protectedHeader } = await jose.jwtVerify(assertion, set, { requiredClaims: ["exp"], ...options });
  return { ...payload, alg: protectedHeader.alg, kid: protectedHeader.kid };
};

const known = await tried(async () =>
  judge(await read(`${base}/.well-known/pomerium/jwks.json`), { issuer, audience }),
);
// It puts a scheme before an issuer that is a bare host, and a slash too many where the issuer is a URL.
const trusted = await tried(async () => {
  const { iss, aud } = jose.decodeJwt(assertion);
  return judge(await read(`http://${iss}//.well-known/pomerium/jwks.json`), { issuer: iss, audience: aud });
});
const wrong = await tried(async () =>
  judge(await read(`${base}/.well-known/pomerium/jwks.json`), { issuer, audience: `not-${audience}` }),
);
console.log(JSON.stringify({ known, trusted, wrong }));
