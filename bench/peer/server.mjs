// The peer: oidc-provider in one process, as cheap as its own settings allow.
//
// Its settings come as JSON in PEER_SETTINGS: { port, clients, jwks }. In its favour: nothing is written to a disk, no
// password is checked, no sign-in page is drawn (the interaction finishes by itself) and consent is given without a page.
// The one page it insists on is the confirmation of a sign-out.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { MapAdapter } from './map-adapter.mjs';

const { port, clients, jwks } = JSON.parse(process.env.PEER_SETTINGS);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: MapAdapter,
  clients,
  jwks,
  cookies: { keys: ['one-cookie-key-of-the-benchmark'] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // PKCE is used by the driver either way; it is demanded so that both servers check it.
  pkce: { required: () => true },
  ttl: { AccessToken: 600, IdToken: 3600, Session: 43_200, Grant: 43_200, Interaction: 3600, AuthorizationCode: 60 },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(_ctx, sub) {
    return { accountId: sub, claims: async () => ({ sub }) };
  },
  async loadExistingGrant(ctx) {
    const { client, provider: op, result, session } = ctx.oidc;
    const grantId = result?.consent?.grantId || session.grantIdFor(client.clientId);
    if (grantId) return op.Grant.find(grantId);
    const grant = new op.Grant({ accountId: session.accountId, clientId: client.clientId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
  // The dispatcher that it injects destroys every connection to loopback, where the sinks are. The 2.5 s time limit stays.
  fetch(url, { dispatcher, ...options }) {
    return globalThis.fetch(url, options);
  },
});

const handle = provider.callback();

const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return handle(request, response);
  finish(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});

/** Signs in whom the request names, without a page. */
async function finish(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  await provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
}

server.keepAliveTimeout = 60_000;
server.listen(port, '127.0.0.1');
