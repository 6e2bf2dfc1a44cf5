import * as assert from 'uvu/assert';
import { imagesThere, prune, type StreamTags } from '../../lib/image/old-images.ts';
import { repository } from '../../lib/image/registry.ts';
import { suite } from '../harness/suite.ts';
import { json, reply, wireRegistry } from './wire-registry.ts';

const test = suite('old images');
const signal = new AbortController().signal;
const registry = wireRegistry(test);

/** Two images of ours, of which the registry deletes none: what OpenShift's says to who is no administrator. */
function refusing(): void {
  for (const [tag, created] of [
    ['old', '2026-01-01T00:00:00Z'],
    ['new', '2026-02-01T00:00:00Z'],
  ] as const) {
    const Labels = { 'app.kubernetes.io/managed-by': 'git-paude' };
    registry.put(tag, { created, config: { Labels } }, [{ size: 7 }]);
  }
  registry.fault = ({ method, url }, response) => {
    if (url!.endsWith('/tags/list')) reply(response, 200, {}, json({ tags: ['old', 'new'] }));
    else if (method === 'DELETE') reply(response, 403, {}, json({ errors: [{ message: 'access denied' }] }));
    else return false;
    return true;
  };
}

async function pruned(tags?: StreamTags) {
  const there = repository(
    { name: 'the registry', origin: registry.origin, options: {} },
    'work/paude-session',
    {
      login: async () => undefined,
    },
  );
  const shelf = { pullHost: 'registry.svc:5000', ...(tags && { tags }) };
  return prune(await imagesThere(there, shelf, signal), new Set(), true, signal);
}

const deletions = () => registry.requests.filter((line) => line.startsWith('DELETE'));

test('a registry that deletes nothing: it is kept, and why, and what else can be done', async () => {
  refusing();
  const { removed, kept } = await pruned();
  assert.equal(removed, []);
  const [why] = kept.filter(({ image }) => image.reference.endsWith(':old')).map((one) => one.why);
  assert.match(why!, 'access denied');
  assert.match(why!, "delete registry.svc:5000/work/paude-session:old on the registry's own pages");
});

test('where an image stream has it, its tag is deleted, and the registry is not asked', async () => {
  refusing();
  const gone: string[] = [];
  const { removed } = await pruned({
    remove: async (name, tag) => gone.push(`${name}:${tag}`) > 0,
    byHand: () => 'oc',
  });
  assert.is(removed.length, 1);
  assert.equal(gone, ['work/paude-session:old']);
  assert.equal(deletions(), []);
});

test('where neither is possible, the command that does it is named', async () => {
  refusing();
  const { kept } = await pruned({
    remove: async () => false,
    byHand: (name, tag) => `oc delete imagestreamtag ${tag} ${name}`,
  });
  assert.is(deletions().length, 1);
  assert.ok(kept.some(({ why }) => why.includes('oc delete imagestreamtag old work/paude-session')));
});

test('of a session’s images and of its proxies’ the newest stays, in each place: the next create takes both', async () => {
  const images = ['here', 'there'].flatMap((where) =>
    ['session', 'session', 'proxy', 'proxy'].map((kind, day) => ({
      ...{ where, reference: `${where}/paude-${kind}:${day}`, size: 1, created: new Date(day), names: [] },
      remove: async () => undefined,
    })),
  );
  const { removed, kept } = await prune(images, new Set(), true, signal);
  assert.equal(
    kept.map(({ image }) => image.reference),
    ['here/paude-session:1', 'here/paude-proxy:3', 'there/paude-session:1', 'there/paude-proxy:3'],
  );
  assert.is(removed.length, 4);
});

test.run();
