import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { ownClusterSkip } from '../harness/cluster-parts.ts';
import { clusterEnv } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import {
  kubectl,
  makeNamespace,
  removeNamespace,
  writeKubeconfig,
  type Kubeconfig,
} from './cluster-admin.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';
import { World } from './world.ts';

const test = suite('journey: troubles on a cluster');
const it = test.skipIf(ownClusterSkip);
const scratch = `paude-troubles-${process.pid}`;
const inScratch = { PAUDE_OPENSHIFT_NAMESPACE: scratch };
let world: World;

test.before(() => {
  if (ownClusterSkip !== undefined) return;
  world = new World(onPlainCluster);
  makeNamespace(scratch);
});
test.after(() => {
  if (ownClusterSkip !== undefined) return;
  world.end();
  removeNamespace(scratch);
});

const paude = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  world.run('git', ['paude', ...args], world.repository, env);

/** The user's kubeconfig with something changed in it. */
const changed = (
  name: string,
  change: (config: Kubeconfig) => void,
  user: 'certificate' | 'admin' = 'certificate',
) => ({
  KUBECONFIG: writeKubeconfig(join(world.root, name), user, change),
});

/** What `list` and a push say: a failure is never an empty list, nor a session that is not there. */
function bothSay(env: NodeJS.ProcessEnv, message: RegExp, hint: RegExp): void {
  const listed = paude(env, 'list');
  const pushed = world.run('git', ['push', onPlainCluster.url('any'), 'main'], world.repository, env);
  assert.is(listed.code, 1, listed.stderr);
  assert.is(pushed.code, 128, pushed.stderr);
  assert.is(listed.stdout, '');
  for (const { stderr } of [listed, pushed]) {
    assert.match(stderr, message);
    assert.match(stderr, hint);
    assert.not.match(stderr, /no session| at .*\.js:/);
  }
}

/** The command of a hint, run by a person who pasted it into a shell. */
const paste = (command: string) =>
  spawnSync('sh', ['-c', command], { env: clusterEnv('admin'), encoding: 'utf8' });

it('no kubeconfig, and a context that it does not have', () => {
  bothSay({ KUBECONFIG: '/there/is/none' }, /no kubeconfig|kubeconfig/, /hint: oc login https/);
  const unknown = paude({}, 'list', '--openshift-context=nowhere');
  assert.is(unknown.code, 1);
  assert.match(
    unknown.stderr,
    /the kubeconfig has no context nowhere; there are: plain, restricted\nhint: --openshift-context=plain\n/,
  );
});

it('not logged in, and a login that has expired, are never "no sessions"', () => {
  const login = /not logged in to plain, or the login has expired/;
  const hint = /hint: log in again: oc login/;
  bothSay(
    changed('expired', ({ users }) => (users[0]!.user = { token: 'has-expired' })),
    login,
    hint,
  );
  // The API server lets nobody in as system:anonymous, who may do nothing; no right must be given to that.
  const nobody = changed('nobody', ({ users }) => (users[0]!.user = {}));
  bothSay(nobody, login, hint);
  const creating = paude(nobody, 'create', 'nobodys');
  assert.is(creating.code, 1);
  assert.match(creating.stderr, login);
  assert.not.match(creating.stderr, /anonymous|kubectl create/);
  const plugin = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'no-such-login',
    interactiveMode: 'Never',
  };
  bothSay(
    changed('plugin', ({ users }) => (users[0]!.user = { exec: plugin })),
    /no-such-login/,
    hint,
  );
});

it('an API server that can’t be reached, and one whose certificate is not trusted', () => {
  const nowhere = changed(
    'nowhere',
    ({ clusters }) => (clusters[0]!.cluster['server'] = 'https://127.0.0.1:1'),
  );
  bothSay(nowhere, /the API server of plain can't be reached[^]*ECONNREFUSED/, /hint: is the network up/);
  const stranger = changed(
    'stranger',
    ({ clusters }) => delete clusters[0]!.cluster['certificate-authority'],
  );
  bothSay(stranger, /the certificate of plain is not trusted/, /hint: .*--certificate-authority=FILE/);
});

it('neither oc nor kubectl is needed, and where one would be that is said', () => {
  const PATH = join(world.root, 'without kubectl');
  mkdirSync(PATH);
  for (const program of ['git', 'git-paude', 'git-remote-paude', 'node', 'sh', 'env'])
    symlinkSync(world.run('sh', ['-c', `command -v ${program}`]).stdout.trim(), join(PATH, program));
  const without = (...args: string[]) => world.run(join(PATH, 'git'), args, world.repository, { PATH });
  const name = world.session('without');
  assert.is(without('paude', 'create', name).code, 0);
  assert.is(without('push', '-q', `paude-${name}`, 'main').code, 0);
  assert.is(without('paude', 'exec', name, '--', 'cat', 'README').stdout, 'hello\n');
  const { code, stderr } = without('-c', 'paude.transport=kubectl', 'push', `paude-${name}`, 'main:other');
  assert.is(code, 128);
  assert.match(stderr, /neither oc nor kubectl is on the PATH\n[^]*install one of them: it is needed/);
});

it('a namespace that is not there: who may look is told so, and who may not is told both', () => {
  const admin = changed('admin', ({ contexts }) => (contexts[0]!.name = 'plain'), 'admin');
  const name = world.session('x');
  const missing = paude(admin, 'create', name, '--openshift-context=plain', '--openshift-namespace=nowhere');
  assert.is(missing.code, 1);
  assert.match(missing.stderr, /the namespace nowhere doesn't exist in plain\n/);
  assert.match(missing.stderr, /oc project NAME, .*--openshift-namespace=NAME, or ask an administrator/);
  const unseen = paude({}, 'create', name, '--openshift-namespace=nowhere');
  assert.is(unseen.code, 1);
  assert.match(unseen.stderr, /alice may not \w+ \S+ in nowhere of plain[^]*no such namespace/);
  assert.match(unseen.stderr, /oc project NAME, or name one: --openshift-namespace=NAME/);
  assert.is(world.git('remote').stdout.includes(name), false);
});

it('each right that is missing is named, and the Roles of the hints grant them one after the other', () => {
  const namespace = `${scratch}-none`;
  makeNamespace(namespace, { rights: false });
  // A home of its own: the other tests' need not look for their sessions there.
  const env = { PAUDE_OPENSHIFT_NAMESPACE: namespace, HOME: join(world.root, 'home without rights') };
  const there = (...args: string[]) => world.run('git', ['paude', ...args], world.root, env);
  /** Gives the command again with what it is refused, until it is refused nothing; tells what that was. */
  const granted = (...args: string[]) => {
    const rights: string[] = [];
    for (;;) {
      const { code, stderr } = there(...args);
      const [, right] = new RegExp(`alice may not (\\S+ \\S+) in ${namespace} of plain`).exec(stderr) ?? [];
      if (right === undefined) {
        assert.is(code, 0, stderr);
        return rights;
      }
      assert.not.ok(rights.includes(right), stderr);
      rights.push(right);
      const hint = /can grant it: (.*?); or switch/.exec(stderr);
      assert.ok(hint, stderr);
      const pasted = paste(hint[1]!.replaceAll('--context=plain', ''));
      assert.is(pasted.status, 0, pasted.stderr);
    }
  };
  try {
    assert.equal(granted('list'), ['list statefulsets.apps']);
    const created = granted('create', world.session('rights'));
    assert.ok(created.length > 1, created.join(', '));
    const everywhere = paude({}, 'list', '--all-namespaces');
    assert.is(everywhere.code, 1);
    assert.match(everywhere.stderr, /alice may not list statefulsets.apps in all namespaces of plain/);
    assert.match(everywhere.stderr, /kubectl create clusterrole git-paude-list-statefulsets-apps-/);
    // What may be deleted neither by its label nor by its name.
    const left = there('delete', world.session('rights'), '--confirm');
    assert.is(left.code, 1);
    assert.match(left.stderr, /alice may not delete statefulsets.apps in /);
    assert.match(left.stderr, /can grant it: kubectl create role git-paude-delete-statefulsets-apps-/);
  } finally {
    removeNamespace(namespace);
  }
});

it('an unknown session is told with the names that there are', () => {
  const there = world.session('there');
  assert.is(paude(inScratch, 'create', there).code, 0);
  for (const args of [
    ['start', 'none'],
    ['stop', 'none'],
    ['delete', 'none', '--confirm'],
    ['exec', 'none', '--', 'true'],
  ]) {
    const { code, stderr } = paude(inScratch, ...args);
    assert.is(code, 1, args.join(' '));
    assert.match(stderr, new RegExp(`there is no session none; there are: ${there}\n`), args.join(' '));
  }
});

it('a pod that no node takes, an image that can’t be pulled, a volume that is not there', () => {
  const name = world.session('pending');
  /** Each hint is to be pasted as it stands. Nothing of it runs any more, and its events tell. */
  const describes = (stderr: string, pod: string) => {
    const where = `pod ${pod} -n ${scratch} --context=plain`;
    assert.match(stderr, `oc describe ${where}, or kubectl describe ${where}\n`);
    const [pasted] = /kubectl get events [^;]*/.exec(stderr)!;
    const events = spawnSync('sh', ['-c', pasted], { env: clusterEnv('certificate'), encoding: 'utf8' });
    assert.is(events.status, 0, events.stderr);
    assert.match(events.stdout, /Warning/);
  };
  const ends = (create: readonly string[], message: RegExp, between = () => {}, pod = `paude-${name}-0`) => {
    assert.is(paude(inScratch, 'create', name, ...create).code, 0);
    between();
    const { code, stderr } = paude(inScratch, 'start', name, '--detach');
    assert.is(code, 1);
    assert.match(stderr, message);
    assert.match(stderr, /\nit is stopped again\n/);
    describes(stderr, pod);
    assert.match(paude(inScratch, 'list').stdout, new RegExp(`^${name}\tstopped\t`, 'm'));
    const replicas = ['get', 'sts', `paude-${name}`, `proxy-paude-${name}`, '-n', scratch];
    assert.is(kubectl([...replicas, '-o', 'jsonpath={.items[*].spec.replicas}']), '0 0');
    assert.is(paude(inScratch, 'delete', name, '--confirm').code, 0);
    assert.is(kubectl(['get', 'all,pvc', '-n', scratch, '-l', `paude.io/session=${name}`, '-o', 'name']), '');
  };
  ends(['--cpus-request=1000'], /can't start: no node takes its pod: .*Insufficient cpu/);
  const image = `${onPlainCluster.env['PAUDE_IMAGE']}-that-is-not-there`;
  ends([`--image=${image}`], /can't start: its image can’t be pulled: [^]*not found/);
  ends([], /can't start: no node takes its pod: .*persistentvolumeclaim "paude-\S+" not found/, () =>
    kubectl(['delete', 'pvc', `paude-${name}`, '-n', scratch]),
  );
  const proxy = `${onPlainCluster.env['PAUDE_PROXY_IMAGE']}-that-is-not-there`;
  const words = /can't start: its proxy: its image can’t be pulled: [^]*not found/;
  ends([`--proxy-image=${proxy}`], words, undefined, `proxy-paude-${name}-0`);
});

it('a volume that can’t be provisioned any more: a start ends with why, and a delete is not held up', () => {
  const name = world.session('volume');
  const metadata = { name: `${name}-class` };
  const storageClass = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata };
  kubectl(['apply', '-f', '-'], { ...storageClass, provisioner: 'paude.test/nobody' });
  const created = paude(inScratch, 'create', name, `--storage-class=${metadata.name}`);
  assert.is(created.code, 0, created.stderr);
  kubectl(['delete', 'storageclass', metadata.name]);
  const { code, stderr } = paude(inScratch, 'start', name, '--detach');
  assert.is(code, 1);
  assert.match(
    stderr,
    new RegExp(`can't start: storageclass\\S* "${metadata.name}" not found\nit is stopped again`),
  );
  const removed = paude(inScratch, 'delete', name, '--confirm');
  assert.is(removed.code, 0, removed.stderr);
  assert.match(removed.stderr, /the session's repository could not be looked at: /);
});

it('what a delete has left is told and removed by the next one; a volume on its way out is waited for', async () => {
  const name = world.session('left');
  const claim = ['pvc', `paude-${name}`, '-n', scratch];
  const hold = (finalizers: readonly string[]) =>
    kubectl(['patch', ...claim, '--type=merge', '-p', JSON.stringify({ metadata: { finalizers } })]);
  assert.is(paude(inScratch, 'create', name).code, 0);
  kubectl(['delete', 'sts', `paude-${name}`, '-n', scratch]);
  const asked = paude(inScratch, 'delete', name);
  assert.is(asked.code, 2);
  assert.match(asked.stderr, `and of it there is left: `);
  assert.match(asked.stderr, `persistentvolumeclaim paude-${name}`);
  const removed = paude(inScratch, 'delete', name, '--confirm');
  assert.is(removed.code, 0, removed.stderr);
  assert.is(
    kubectl(['get', 'all,pvc,netpol', '-n', scratch, '-l', `paude.io/session=${name}`, '-o', 'name']),
    '',
  );
  assert.match(paude(inScratch, 'delete', name, '--confirm').stderr, `there is no session ${name}`);

  assert.is(paude(inScratch, 'create', name).code, 0);
  hold(['paude.test/hold']);
  kubectl(['delete', 'sts', `paude-${name}`, '-n', scratch]);
  kubectl(['delete', ...claim, '--wait=false']);
  const creating = world.beside('git', ['paude', 'create', name], inScratch);
  // It is refused the name of its volume, and looks at what is there.
  await wait(2000);
  hold([]);
  const created = await creating;
  assert.is(created.code, 0, created.stderr);
  assert.is(kubectl(['get', ...claim, '-o', 'jsonpath={.metadata.deletionTimestamp}']), '');
  assert.is(paude(inScratch, 'delete', name, '--confirm').code, 0);
});

it('create refused by quota, by admission and by a storage class: nothing is left', () => {
  const name = world.session('refused');
  const nothing = (namespace: string) =>
    assert.is(
      kubectl(['get', 'sts,pvc', '-n', namespace, '-l', `paude.io/session=${name}`, '-o', 'name']),
      '',
    );
  const restricted = { ...onRestrictedCluster.env };
  const quota = paude(restricted, 'create', name, '--pvc-size=10Ti');
  assert.is(quota.code, 1);
  assert.match(
    quota.stderr,
    /could not create its volume: .*exceeded quota: quota, requested: requests.storage=10Ti/,
  );
  assert.match(quota.stderr, /hint: kubectl describe quota -n paude-restricted --context=restricted/);
  nothing('paude-restricted');
  const spec = { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '20Gi' } }] };
  const range = {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'range', namespace: scratch },
    spec,
  };
  kubectl(['apply', '-f', '-'], range);
  const admission = paude(inScratch, 'create', name, '--pvc-size=30Gi');
  assert.is(admission.code, 1);
  assert.match(admission.stderr, /does not allow to create its volume: .*maximum storage usage .* is 20Gi/);
  nothing(scratch);
  const unknown = paude(inScratch, 'create', name, '--storage-class=nothing-like-it');
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /the volume of \S+ can't be provisioned: .*"nothing-like-it" not found/);
  assert.match(
    unknown.stderr,
    /hint: kubectl get storageclass --context=plain, and name one: --storage-class=NAME/,
  );
  nothing(scratch);
  assert.is(world.git('remote').stdout.includes(name), false);
  // What was told of the claim that was refused is told for an hour.
  const known = kubectl(['get', 'storageclass', '-o', 'jsonpath={.items[0].metadata.name}']);
  const again = paude(inScratch, 'create', name, `--storage-class=${known}`);
  assert.is(again.code, 0, again.stderr);
  assert.is(paude(inScratch, 'delete', name, '--confirm').code, 0);
});

it('a start refused by admission and by quota is told in the API server’s words', () => {
  const name = world.session('limited');
  assert.is(paude(inScratch, 'create', name, '--memory=6Gi').code, 0);
  const metadata = { name: 'pods', namespace: scratch };
  const spec = { limits: [{ type: 'Container', max: { memory: '4Gi' } }] };
  kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'LimitRange', metadata, spec });
  const refused = paude(inScratch, 'start', name, '--detach');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /can't start: .*maximum memory usage per Container is 4Gi/);
  kubectl(['delete', 'limitrange', 'pods', '-n', scratch]);
  assert.is(paude(inScratch, 'stop', name).code, 0);
  const hard = { 'limits.memory': '1Gi' };
  kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } });
  const quota = paude(inScratch, 'start', name, '--detach');
  assert.is(quota.code, 1);
  assert.match(quota.stderr, /can't start: .*exceeded quota: pods/);
  kubectl(['delete', 'quota', 'pods', '-n', scratch]);
  assert.is(paude(inScratch, 'stop', name).code, 0);
  // Room for one of the two pods only.
  const running = kubectl(['get', 'pods', '-n', scratch, '-o', 'name']).split('\n').filter(Boolean).length;
  const one = { hard: { pods: String(running + 1) } };
  kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: one });
  const proxy = paude(inScratch, 'start', name, '--detach');
  assert.is(proxy.code, 1);
  assert.match(proxy.stderr, /can't start: (its proxy: )?.*exceeded quota: pods/);
  kubectl(['delete', 'quota', 'pods', '-n', scratch]);
});

it('a stranger’s objects of our name are never adopted, changed or deleted', () => {
  const name = world.session('stranger');
  const metadata = { name: `paude-${name}`, namespace: scratch };
  const labels = { app: 'theirs' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'theirs', image: 'theirs' }] } };
  const spec = { replicas: 0, serviceName: '', selector: { matchLabels: labels }, template };
  kubectl(['apply', '-f', '-'], { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec });
  const as = () =>
    kubectl([
      'get',
      'statefulset',
      metadata.name,
      '-n',
      scratch,
      '-o',
      'jsonpath={.metadata.uid}{.metadata.resourceVersion}',
    ]);
  const before = as();
  for (const args of [
    ['create', name],
    ['start', name, '--detach'],
    ['stop', name],
    ['exec', name, '--', 'true'],
  ]) {
    const { code, stderr } = paude(inScratch, ...args);
    assert.is(code, 1, args.join(' '));
    assert.match(
      stderr,
      new RegExp(`there is a statefulset ${metadata.name} in ${scratch} that git-paude did not make`),
    );
    assert.match(stderr, /it is left alone\nhint: choose another name, or look at it: kubectl get/);
  }
  const gone = paude(inScratch, 'delete', name, '--confirm');
  assert.is(gone.code, 1);
  assert.match(gone.stderr, /there is no session|did not make/);
  assert.is(as(), before);
  assert.is(kubectl(['get', 'pvc', '-n', scratch, '-l', `paude.io/session=${name}`, '-o', 'name']), '');
  kubectl(['delete', 'statefulset', metadata.name, '-n', scratch]);
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: claim });
  const claimed = paude(inScratch, 'create', name);
  assert.is(claimed.code, 1);
  assert.match(claimed.stderr, /there is a persistentvolumeclaim \S+ in \S+ that git-paude did not make/);
  assert.is(
    kubectl(['get', 'statefulset', '-n', scratch, '-l', `paude.io/session=${name}`, '-o', 'name']),
    '',
  );
});

// The last one: the user's history keeps its namespace, which is then asked, too.
it('with few rights all goes that may; what may not is told, and not taken for a new session’s own', () => {
  const namespace = `${scratch}-few`;
  const env = { PAUDE_OPENSHIFT_NAMESPACE: namespace };
  const name = world.session('few');
  const own = `paude.io/session=${name}`;
  const objects = () =>
    kubectl(['get', 'sts,svc,secret,pvc,netpol', '-n', namespace, '-l', own, '-o', 'name']).split('\n');
  const policy = () => {
    const found = kubectl([
      'get',
      'netpol',
      `paude-${name}`,
      '-n',
      namespace,
      '-o',
      'jsonpath={.spec.egress}',
    ]);
    return JSON.parse(found) as readonly object[];
  };
  makeNamespace(namespace, { rights: false });
  try {
    // Nothing on secrets, deployments and config maps, and no right to delete a collection or to watch.
    const rule = (apiGroups: string, resources: readonly string[], verbs: readonly string[]) => ({
      apiGroups: [apiGroups],
      resources,
      verbs,
    });
    const most = ['create', 'get', 'list', 'delete'];
    kubectl(['apply', '-f', '-'], {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'few', namespace },
      rules: [
        rule('', ['pods', 'services', 'persistentvolumeclaims'], most),
        rule('apps', ['statefulsets'], most),
        rule('networking.k8s.io', ['networkpolicies'], ['create', 'get', 'list']),
      ],
    });
    kubectl(['create', 'rolebinding', 'few', '--role=few', '--user=alice', '-n', namespace]);
    const open = paude(env, 'create', name, '--allow-network');
    assert.is(open.code, 0, open.stderr);
    const removed = paude(env, 'delete', name, '--confirm');
    assert.is(removed.code, 1);
    assert.match(removed.stderr, `there is left: networkpolicy paude-${name} (alice may not delete`);
    assert.match(removed.stderr, '--verb=delete --resource=networkpolicies.networking.k8s.io');
    assert.match(removed.stderr, `then git paude delete ${name} `);
    assert.equal(objects(), [`networkpolicy.networking.k8s.io/paude-${name}`, '']);
    const refused = paude(env, 'create', name);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, `of an earlier session ${name} there is left: networkpolicy paude-${name}`);
    assert.match(
      refused.stderr,
      'hint: an administrator can grant it: kubectl create role git-paude-update-',
    );
    assert.match(refused.stderr, `; or git paude delete ${name} `);
    assert.equal(policy(), [{}]);
    makeNamespace(namespace);
    const again = paude(env, 'create', name);
    assert.is(again.code, 0, again.stderr);
    assert.ok(policy().every((one) => 'to' in one));
    const gone = paude(env, 'delete', name, '--confirm');
    assert.is(gone.code, 0, gone.stderr);
    assert.equal(objects(), ['']);
  } finally {
    removeNamespace(namespace);
  }
});

test.run();
