// The official Node SDK of WorkOS, unmodified, as an application's server would call it.
//   node workos-sdk.mjs '{"package":"workos-node-11","base_url":"http://…","api_key":"sk_…","client_id":"client_…"}'
// A line of standard input is a call, as JSON: ["sso.getProfile", {"accessToken": "…"}]; a list is several arguments. The
// answer is a line too: what the SDK gave, or which of its exceptions it threw. It ends with its standard input.
import { createInterface } from "node:readline";

const { package: name, base_url, api_key, client_id } = JSON.parse(process.argv[2]);
const { WorkOS } = await import(name);
const { protocol, hostname, port } = new URL(base_url);
const options = { apiHostname: hostname, port: Number(port), https: protocol === "https:", clientId: client_id };
const workos = api_key === null ? new WorkOS(options) : new WorkOS(api_key, options);

async function act(path, given) {
  const names = path.split(".");
  const method = names.pop();
  const owner = names.reduce((owner, name) => owner[name], workos);
  try {
    const gave = await owner[method](...(Array.isArray(given) ? given : [given]));
    // All pages of a list, as the SDK turns them over itself.
    return { gave: (typeof gave?.autoPagination === "function" ? await gave.autoPagination() : gave) ?? null };
  } catch (thrown) {
    const { status, code, error, errorDescription, requestID, message } = thrown;
    const said = { status_code: status, code, error, error_description: errorDescription, request_id: requestID, message };
    return { raised: thrown.constructor.name, said };
  }
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await act(...JSON.parse(line))));
}
