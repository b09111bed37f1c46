// A store in memory without a bound. The one that ships with oidc-provider keeps the 1,000 newest records, so that under
// load sessions vanish and most logout tokens are silently never sent.

const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

const records = new Map();
const sessionByUid = new Map();
const byGrant = new Map();

export class MapAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload) {
    const key = this.key(id);
    if (this.model === 'Session') {
      const previous = records.get(key);
      if (previous !== undefined && previous.uid !== payload.uid) sessionByUid.delete(previous.uid);
      sessionByUid.set(payload.uid, id);
    }
    if (GRANTABLE.has(this.model) && payload.grantId) {
      const members = byGrant.get(payload.grantId);
      if (members === undefined) byGrant.set(payload.grantId, new Set([key]));
      else members.add(key);
    }
    records.set(key, payload);
  }

  async find(id) {
    return records.get(this.key(id));
  }

  async findByUid(uid) {
    return this.find(sessionByUid.get(uid));
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    records.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    const key = this.key(id);
    const payload = records.get(key);
    if (payload === undefined) return;
    records.delete(key);
    if (this.model === 'Session') sessionByUid.delete(payload.uid);
    if (GRANTABLE.has(this.model) && payload.grantId) byGrant.get(payload.grantId)?.delete(key);
  }

  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) records.delete(key);
    byGrant.delete(grantId);
  }
}
