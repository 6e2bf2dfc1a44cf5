import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { proxySet } from '../../../lib/backends/kubernetes/network-objects.ts';
import { manifests } from '../../../lib/backends/kubernetes/objects.ts';
import { quantity, sessionName } from '../../../lib/names.ts';
import type { Description } from '../../../lib/session/session.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('objects of a session’s network');

test('a proxy is told every address of its pod and of its node', () => {
  const egress = { image: 'proxy', rules: { agent: [], allow: [], deny: [] } };
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
  const session = { name: sessionName('x'), description, image: 'none', egress };
  const set = proxySet(session, egress, {}, { assignsUsers: false });
  const env = set.spec!.template.spec!.containers[0]!.env!;
  const fields = env.flatMap(({ name, valueFrom }) =>
    valueFrom?.fieldRef === undefined ? [] : [[name, valueFrom.fieldRef.fieldPath]],
  );
  assert.equal(fields, [
    ['POD_IPS', 'status.podIPs'],
    ['HOST_IPS', 'status.hostIPs'],
  ]);
});

test('with a limit of CPUs every container of a session has one, for a quota on them takes no pod without', () => {
  const egress = { image: 'proxy', rules: { agent: [], allow: [], deny: [] } };
  const plain = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
  const limits = (description: Description) => {
    const session = { name: sessionName('x'), description, image: 'none', egress };
    const facts = { assignsUsers: true };
    const sets = [manifests(session, 'ada', facts).set, proxySet(session, egress, {}, facts)];
    const containers = sets.flatMap(({ spec }) => spec!.template.spec!.containers);
    return containers.map(({ name, resources }) => [name, resources!.limits!['cpu']]);
  };
  assert.equal(limits({ ...plain, cpus: quantity('2') }), [
    ['session', '2'],
    ['credentials', '500m'],
    ['proxy', '500m'],
  ]);
  assert.ok(limits(plain).every(([, cpu]) => cpu === undefined));
});

for (const [service, ranges] of [
  ['10.96.0.1', ['10.96.0.1/16', '64:ff9b::0a60:0001/112']],
  ['2001:db8:1::1', ['2001:db8:1::1/108']],
  ['api.example.com', ['api.example.com']],
] as const) {
  test(`each of them is no way out, of either kind or by NAT64, nor what is around ${service}`, () => {
    const start = readFileSync(
      fileURLToPath(new URL('../../../lib/image/proxy/files/start', import.meta.url)),
      'utf8',
    );
    // The part that makes the ranges, to its standard output.
    const [, making] = /^(around\(\) \{\n[^]*?sort -u) >own-ranges$/m.exec(start) ?? [];
    const env = {
      PATH: process.env['PATH'],
      POD_IPS: '10.1.2.3,fd00::3',
      HOST_IPS: '192.0.2.7,2001:db8::7',
      // A pod has one of its cluster's.
      KUBERNETES_SERVICE_HOST: service,
    };
    const script = making!.replace('/etc/hosts hosts', '/dev/null');
    const said = execFileSync('sh', ['-c', script], { env, encoding: 'utf8' });
    assert.equal(
      said.trim().split('\n').sort(),
      [
        ...['10.1.2.3/16', '64:ff9b::0a01:0203/112', 'fd00::3/48'],
        ...['192.0.2.7/32', '64:ff9b::c000:0207/128', '2001:db8::7/128'],
        ...ranges,
      ].sort(),
    );
  });
}

test.run();
