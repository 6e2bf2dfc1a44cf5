import type { V1LabelSelector, V1NetworkPolicy, V1Pod } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { openingsAmong, selects } from '../../../lib/backends/kubernetes/openings.ts';
import { proxyPodName, selectorOf, type Part } from '../../../lib/backends/kubernetes/network-objects.ts';
import { keys, labelsOf, podName } from '../../../lib/backends/kubernetes/objects.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('openings');
const name = sessionName('x');
const [podNamed, podIndex] = ['statefulset.kubernetes.io/pod-name', 'apps.kubernetes.io/pod-index'];
const revision = 'controller-revision-hash';

function podOf(part: Part, more: Readonly<Record<string, string>> = {}): V1Pod {
  const pod = part === 'session' ? podName(name) : proxyPodName(name);
  const labels = { ...labelsOf(name, 'ada'), [keys.component]: part, [podNamed]: pod, [podIndex]: '0' };
  return { metadata: { name: pod, labels: { ...labels, [revision]: `${pod}-1`, ...more } } };
}

const pods = [podOf('session'), podOf('proxy')];
const both = { egress: [{}], ingress: [{}], policyTypes: ['Egress', 'Ingress'] };

function found(podSelector: V1LabelSelector, spec: V1NetworkPolicy['spec'] = both, there = pods) {
  return openingsAmong(
    [{ metadata: { name: 'p', namespace: 'n' }, spec: { ...spec, podSelector } }],
    name,
    there,
  );
}

const [ofSession, ofProxy] = ['the policy p of n', 'the policy p of n, which lets others into its proxy,'];

test('a policy that selects by any label that a pod has is found', () => {
  const { labels } = podOf('session', { 'by-a-webhook': 'yes' }).metadata!;
  for (const [key, value] of Object.entries(labels!)) {
    const there = [podOf('session', { 'by-a-webhook': 'yes' }), podOf('proxy')];
    assert.equal(found({ matchLabels: { [key]: value } }, both, there), [ofSession], key);
    assert.equal(found({ matchLabels: { [key]: 'another' } }, both, there), [], key);
  }
  assert.equal(found({}), [ofSession]);
  // Before it is there.
  assert.equal(found({ matchLabels: { [podNamed]: podName(name) } }, both, []), [ofSession]);
  assert.equal(found({ matchLabels: { [podNamed]: proxyPodName(name) } }, both, []), [ofProxy]);
});

test('expressions select as Kubernetes says, and one that is not understood selects', () => {
  for (const [operator, key, values, expected] of [
    ['In', keys.session, ['a', 'x'], true],
    ['In', keys.session, ['a'], false],
    ['In', 'absent', ['a'], false],
    ['NotIn', keys.session, ['a'], true],
    ['NotIn', keys.session, ['x'], false],
    ['NotIn', 'absent', ['x'], true],
    ['Exists', keys.owner, undefined, true],
    ['Exists', 'absent', undefined, false],
    ['DoesNotExist', keys.owner, undefined, false],
    ['DoesNotExist', 'absent', undefined, true],
    ['Gt', keys.owner, ['1'], true],
  ] as const) {
    const matchExpressions = [{ key, operator, ...(values && { values: [...values] }) }];
    assert.is(selects({ matchExpressions }, pods[0]!.metadata!.labels!), expected, `${key} ${operator}`);
  }
});

test('what comes in opens a proxy, and what goes out does not', () => {
  const podSelector = { matchLabels: selectorOf(name, 'proxy') };
  assert.equal(found(podSelector), [ofProxy]);
  assert.equal(found(podSelector, { ingress: [{}] }), [ofProxy]);
  assert.equal(found(podSelector, { egress: [{}], policyTypes: ['Egress'] }), []);
  assert.equal(found(podSelector, { ingress: [], policyTypes: ['Ingress'] }), []);
  const closed = { ingress: [], egress: [], policyTypes: ['Ingress', 'Egress'] };
  assert.equal(found({ matchLabels: selectorOf(name, 'session') }, closed), []);
});

test('a session’s own policies are not named, and any other is, whatever its labels are', () => {
  const policyOf = (policy: string, session = 'x') => ({
    metadata: { name: policy, namespace: 'n', labels: labelsOf(sessionName(session), 'ada') },
    spec: { ...both, podSelector: {} },
  });
  const own = [policyOf('paude-x'), policyOf('proxy-paude-x')];
  const others = [policyOf('copy'), policyOf('paude-y', 'y')];
  assert.equal(openingsAmong([...own, ...others], name, pods), [
    'the policy copy of n',
    'the policy paude-y of n',
  ]);
});

test.run();
