import * as assert from 'uvu/assert';
import { proxySet } from '../../../lib/backends/kubernetes/network-objects.ts';
import { labelsOf, manifests } from '../../../lib/backends/kubernetes/objects.ts';
import { sessionName } from '../../../lib/names.ts';
import type { PullSecret, SessionSpec } from '../../../lib/session/session.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('pull secrets of pods');
const facts = { assignsUsers: false };
const egress = { image: 'ghcr.io/proxy:1', rules: { agent: [], allow: [], deny: [] } };

function made(pullSecret?: PullSecret) {
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
  const name = sessionName('x');
  const spec: SessionSpec = {
    name,
    description,
    image: 'quay.io/me/session:1',
    egress,
    ...(pullSecret && { pullSecret }),
  };
  const { secret, set } = manifests(spec, 'ada', facts, '10.0.0.1');
  const proxy = proxySet(spec, egress, labelsOf(name, 'ada'), facts);
  return {
    auths:
      secret &&
      (JSON.parse(Buffer.from(secret.data!['.dockerconfigjson']!, 'base64').toString()) as { auths: object })
        .auths,
    session: set.spec!.template.spec!.imagePullSecrets,
    proxy: proxy.spec!.template.spec!.imagePullSecrets,
    annotations: JSON.stringify(set.metadata),
  };
}

test('each pod names the secret only if its own image is pulled with it', () => {
  const entry = (registry: string) => ({ registry, username: 'u', password: `of ${registry}` });
  assert.equal(made().auths, undefined);
  const own = [{ name: 'paude-x-pull' }];
  const one = made({ entries: [entry('ghcr.io')], images: ['ghcr.io/proxy:1'] });
  assert.equal([one.session, one.proxy], [undefined, own]);
  const both = made({
    entries: [entry('quay.io/me'), entry('ghcr.io')],
    images: ['quay.io/me/session:1', 'ghcr.io/proxy:1'],
  });
  assert.equal([both.session, both.proxy], [own, own]);
  const auth = (registry: string) => ({ auth: Buffer.from(`u:of ${registry}`).toString('base64') });
  assert.equal(both.auths, { 'quay.io/me': auth('quay.io/me'), 'ghcr.io': auth('ghcr.io') });
  assert.not.match(both.annotations, 'of ghcr.io');
});

test('a secret that is there is named, and none is made', () => {
  const named = made({ name: 'mine', images: ['quay.io/me/session:1'] });
  assert.equal([named.auths, named.session, named.proxy], [undefined, [{ name: 'mine' }], undefined]);
});

test.run();
