import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ownClusterSkip } from '../harness/cluster-parts.ts';
import { suite } from '../harness/suite.ts';
import { kubectl, makeNamespace, removeNamespace, writeKubeconfig } from './cluster-admin.ts';
import { onPlainCluster, type Ground } from './ground.ts';
import { World, type Outcome } from './world.ts';

/**
 * The commands of the document that git-paude began with, word for word and in its order, in a project of their own:
 * a namespace in which Pod Security `restricted` is enforced. Of the environment only PAUDE_IMAGE is added, for
 * pushing images is another matter. `oc` can't be had here; what its commands would show is read with kubectl.
 */
const test = suite('journey: the document');
const it = test.skipIf(ownClusterSkip);
const project = `paude-document-${process.pid}`;
const [given, fast] = ['my-namespace', 'fast-ssd'];

test.before(() => {
  if (ownClusterSkip !== undefined) return;
  for (const name of [project, given])
    makeNamespace(name, { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } });
  const [standard] = (JSON.parse(kubectl(['get', 'storageclass', '-o', 'json'])) as { items: object[] })
    .items;
  const { provisioner } = standard as { provisioner: string };
  kubectl(['apply', '-f', '-'], {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: fast },
    provisioner,
    volumeBindingMode: 'WaitForFirstConsumer',
  });
});
test.after(() => {
  if (ownClusterSkip !== undefined) return;
  for (const name of [project, given]) removeNamespace(name);
  kubectl(['delete', 'storageclass', fast, '--ignore-not-found']);
});

/** One line of the lifecycle table, as the API server has it. */
function lifecycle(name: string): string {
  const get = (kind: string, object: string, path: string) =>
    kubectl(['get', kind, object, '-n', project, '--ignore-not-found', '-o', `jsonpath=${path}`]) || 'none';
  const replicas = get('statefulset', `paude-${name}`, '{.spec.replicas}');
  const pod = get('pod', `paude-${name}-0`, '{.status.phase}');
  return `${replicas}, ${pod}, ${get('pvc', `paude-${name}`, '{.status.phase}')}`;
}

for (const backend of ['openshift', 'kubernetes'] as const) {
  let world: World;

  /** A line as it stands in the document; the name of the backend is the only word that may be another. */
  function types(line: string): Outcome {
    const [program, ...args] = line.replace('--backend=openshift', `--backend=${backend}`).split(' ');
    return world.run(program!, args);
  }

  function does(line: string): string {
    const { code, stdout, stderr } = types(line);
    assert.is(code, 0, `${line}\n${stderr}`);
    return `${stdout}${stderr}`;
  }

  /** A new person with a new repository, whose kubeconfig's current context is the project. */
  function arrive(): void {
    const { PAUDE_IMAGE, PAUDE_PROXY_IMAGE } = onPlainCluster.env;
    const ground: Ground = { ...onPlainCluster, env: { PAUDE_IMAGE, PAUDE_PROXY_IMAGE } };
    world = new World(ground);
    const KUBECONFIG = writeKubeconfig(join(world.root, 'config'), 'certificate', (config) => {
      const [context] = config.contexts;
      context!.name = config['current-context'] = 'document';
      context!.context.namespace = project;
    });
    Object.assign(ground.env, { KUBECONFIG });
  }

  it(`quick start, with --backend=${backend}`, () => {
    arrive();
    assert.match(does('paude create --backend=openshift'), /^my-repo\n/);
    assert.is(lifecycle('my-repo'), '0, none, Pending');
    assert.match(does('paude start'), /the session my-repo runs/);
    assert.is(lifecycle('my-repo'), '1, Running, Bound');
    // Another repository: there is one session of it already, in another namespace.
    does('git remote remove paude-my-repo');
    does('paude create --backend=openshift --openshift-namespace=my-namespace');
    const url = `paude://kubernetes/document/my-namespace/my-repo`;
    assert.is(world.git('remote', 'get-url', 'paude-my-repo').stdout, `${url}\n`);
    does('paude start');
    const pods = kubectl(['get', 'pods', '-n', given, '-o', 'jsonpath={.items[*].metadata.name}']);
    assert.ok(pods.split(' ').includes('paude-my-repo-0'), pods);
    does('paude delete my-repo --confirm');
    does('paude delete my-repo --confirm --backend=openshift');
    world.end();
  });

  it(`session management and its lifecycle, with --backend=${backend}`, () => {
    arrive();
    does('paude create my-project --backend=openshift');
    assert.is(lifecycle('my-project'), '0, none, Pending');
    does('paude start my-project --backend=openshift');
    assert.is(lifecycle('my-project'), '1, Running, Bound');
    does('paude remote add my-project');
    does('git push paude-my-project main');
    // The document's connect is typed on a terminal, which the terminal's journey does.
    assert.match(types('paude connect my-project --backend=openshift').stderr, /connect needs a terminal/);
    const work = [
      'paude',
      'exec',
      'my-project',
      '--',
      'git',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      "Claude's",
    ];
    assert.is(world.run('git', work).code, 0);
    does('git pull paude-my-project main');
    assert.is(world.git('log', '-1', '--format=%s').stdout, "Claude's\n");
    does('paude stop my-project --backend=openshift');
    assert.is(lifecycle('my-project'), '0, none, Bound');
    does('paude start my-project --backend=openshift');
    assert.is(
      world.paude('exec', 'my-project', '--', 'git', 'log', '-1', '--format=%s').stdout,
      "Claude's\n",
    );
    assert.match(does('paude list --backend=openshift'), /^my-project\trunning\t/);
    does('paude delete my-project --confirm --backend=openshift');
    assert.is(lifecycle('my-project'), 'none, none, none');
    assert.is(world.git('remote').stdout, '');
    world.end();
  });

  it(`options, and the code's way in and out, with --backend=${backend}`, () => {
    arrive();
    const claim = (path: string) =>
      kubectl(['get', 'pvc', 'paude-my-project', '-n', project, '-o', `jsonpath=${path}`]);
    does('paude create my-project --backend=openshift --pvc-size=50Gi');
    assert.is(claim('{.spec.resources.requests.storage}'), '50Gi');
    does('paude delete my-project --confirm --backend=openshift');
    does('paude create my-project --backend=openshift --storage-class=fast-ssd');
    assert.is(claim('{.spec.storageClassName}'), 'fast-ssd');
    does('paude remote add my-project');
    does('git push paude-my-project main');
    assert.is(claim('{.status.phase}'), 'Bound');
    does('git pull paude-my-project main');
    does('paude delete my-project --confirm --backend=openshift');
    world.end();
  });
}

test.run();
