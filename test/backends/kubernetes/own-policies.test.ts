import type { V1NetworkPolicy, V1StatefulSet } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { labelsOf } from '../../../lib/backends/kubernetes/objects.ts';
import { openings } from '../../../lib/backends/kubernetes/openings.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { objectStore, type Rules, type Store, type StoredObject } from './object-store.ts';

const test = suite('the own policies of a session');
const name = sessionName('x');
const never = new AbortController().signal;
const policies = paths.policies('work');
const own = [`${policies}/paude-x`, `${policies}/proxy-paude-x`];
const nothing = { openings: [], renewed: [] };
const remedy = (policy: string) =>
  `make it anew: kubectl delete networkpolicy ${policy} -n work --context=here && git paude start x --detach`;

/** A session that was made, and runs. */
async function running(rules: Rules = {}, address = '10.96.0.7'): Promise<Store> {
  const store = await objectStore(rules);
  const labels = labelsOf(name, 'ada');
  const service = {
    kind: 'Service',
    metadata: { name: 'proxy-paude-x', labels },
    spec: { clusterIP: address },
  };
  store.put(paths.services('work'), service);
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
  const egress = { image: 'proxy', rules: { agent: [], allow: [], deny: [] } };
  await createObjects(store.cluster, { name, description, image: 'none', egress }, never);
  for (const of of ['paude-x', 'proxy-paude-x']) {
    const { kind, metadata, spec } = store.objects.get(
      `${paths.sets('work')}/${of}`,
    )! as object as V1StatefulSet;
    const ownerReferences = [
      {
        apiVersion: 'apps/v1',
        kind,
        name: of,
        uid: metadata!.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ];
    const { template } = spec!;
    const pod = { name: `${of}-0`, labels: template.metadata!.labels!, ownerReferences };
    store.put(paths.pods('work'), { kind: 'Pod', metadata: pod, spec: template.spec! });
  }
  (store.asked as string[]).length = 0;
  return store;
}

const look = (store: Store) => openings(store.cluster, name, never);

function change(
  store: Store,
  path: string,
  changed: (spec: NonNullable<V1NetworkPolicy['spec']>) => object,
): void {
  const there = store.objects.get(path)!;
  const spec = structuredClone(there.spec) as NonNullable<V1NetworkPolicy['spec']>;
  store.objects.set(path, { ...there, spec: { ...spec, ...changed(spec) } });
}

test('as they were made they open nothing, and cost no request of their own', async () => {
  for (const address of ['10.96.0.7', 'fd00::7']) {
    await using store = await running({}, address);
    assert.equal(await look(store), nothing);
    assert.equal(store.asked.toSorted(), [`list ${paths.pods('work')}`, `list ${policies}`]);
  }
});

test('as an API server gives them back, they are the same', async () => {
  await using store = await running();
  // It leaves out what is empty, and its fields come in another order.
  change(store, own[0]!, ({ ingress, egress, ...rest }) => ({ ...rest, ingress: undefined, egress }));
  const { spec, ...rest } = store.objects.get(own[1]!)!;
  store.objects.set(own[1]!, {
    spec: Object.fromEntries(Object.entries(spec!).reverse()),
    ...rest,
  } as StoredObject);
  assert.equal(await look(store), nothing);
});

test('one that somebody has changed is told as that, with how it is made anew, and is left alone', async () => {
  const changes: readonly (readonly [string, Parameters<typeof change>[2]])[] = [
    ['paude-x', ({ egress }) => ({ egress: [...egress!, {}] })],
    ['paude-x', () => ({ policyTypes: ['Ingress'] })],
    ['paude-x', () => ({ ingress: [{}] })],
    ['paude-x', () => ({ podSelector: { matchLabels: { none: 'of it' } } })],
    [
      'paude-x',
      ({ egress }) => ({
        egress: [{ to: [{ ipBlock: { cidr: '192.0.2.1/32' } }], ports: egress![0]!.ports }],
      }),
    ],
    ['paude-x', ({ egress }) => ({ egress: egress!.map(({ to }) => ({ to })) })],
    ['proxy-paude-x', () => ({ ingress: [{}] })],
  ];
  for (const [policy, changed] of changes) {
    await using store = await running();
    change(store, `${policies}/${policy}`, changed);
    const text = `its own NetworkPolicy ${policy} was changed`;
    const expected = { openings: [{ text, hint: remedy(policy) }], renewed: [] };
    assert.equal(await look(store), expected, String(changed));
    assert.is(store.asked.length, 2, String(changed));
  }
});

test('what makes it anew can be pasted, whatever the context is called', async () => {
  await using store = await running();
  change(store, own[0]!, () => ({ ingress: [{}] }));
  const { openings: found } = await openings({ ...store.cluster, context: 'ada (work)' }, name, never);
  assert.match(found[0]!.hint!, "--context='ada (work)' && git paude");
});

test('a copy of one, with our labels, that opens is found', async () => {
  await using store = await running();
  const { spec, metadata, kind } = store.objects.get(own[0]!)!;
  const copy = { name: 'copy', namespace: 'work', labels: metadata.labels! };
  store.put(policies, { kind, metadata: copy, spec: { ...spec, egress: [{}] } });
  assert.equal(await look(store), {
    openings: [{ text: 'the policy copy of work opens it, for policies add up' }],
    renewed: [],
  });
});

test('what is gone is made again as it was made, and goes with its session', async () => {
  for (const gone of [own.slice(0, 1), own.slice(1), own]) {
    await using store = await running();
    const before = gone.map((path) => store.objects.get(path)!);
    for (const path of gone) store.objects.delete(path);
    const renewed = gone.map((path) => `NetworkPolicy ${path.split('/').at(-1)}`);
    assert.equal(await look(store), { openings: [], renewed });
    const { uid } = store.objects.get(paths.set('work', name))!.metadata;
    for (const [index, path] of gone.entries()) {
      const { spec, metadata } = store.objects.get(path)! as object as V1NetworkPolicy;
      assert.equal(spec, before[index]!.spec);
      assert.equal(metadata!.labels, before[index]!.metadata.labels);
      const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'paude-x', uid };
      assert.equal(metadata!.ownerReferences, [owner]);
    }
    assert.equal(await look(store), nothing);
  }
});

test('what another start makes again just then counts as made again; somebody’s own under its name does not', async () => {
  for (const [spec, expected] of [
    [undefined, { openings: [], renewed: ['NetworkPolicy paude-x'] }],
    [
      { podSelector: {}, egress: [{}] },
      {
        openings: [{ text: 'its own NetworkPolicy paude-x was changed', hint: remedy('paude-x') }],
        renewed: [],
      },
    ],
  ] as const) {
    let faster: StoredObject | undefined;
    await using store = await running({
      answer: (verb, path, _, { objects }) => {
        if (verb === 'create' && path === policies && faster !== undefined) objects.set(own[0]!, faster);
        return false;
      },
    });
    const there = store.objects.get(own[0]!)!;
    faster = { ...there, ...(spec && { spec }) };
    store.objects.delete(own[0]!);
    assert.equal(await look(store), expected);
  }
});

test('what can’t be made again is told with why, and how it can', async () => {
  const forbidden: string[] = [];
  await using store = await running({ forbidden });
  forbidden.push('create networkpolicies');
  store.objects.delete(own[0]!);
  const { openings: found, renewed } = await look(store);
  assert.equal([found.length, renewed], [1, []]);
  const why = /^its own NetworkPolicy paude-x is gone, and ada may not create networkpolicies in work/;
  assert.match(found[0]!.text, why);
  assert.match(found[0]!.hint!, /^an administrator can grant it: kubectl create role /);
});

test.run();
