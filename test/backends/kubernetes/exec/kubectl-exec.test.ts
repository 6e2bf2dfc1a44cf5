import { mkdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ApiStatus } from '../../../../lib/backends/kubernetes/api-connection.ts';
import { findKubectl, kubectlExec } from '../../../../lib/backends/kubernetes/exec/kubectl-exec.ts';
import type { Cluster } from '../../../../lib/backends/kubernetes/cluster.ts';
import { targetOf, type Kubeconfig } from '../../../../lib/backends/kubernetes/kubeconfig/kubeconfig.ts';
import { kubectl as howToCall } from '../../../../lib/backends/kubernetes/transport.ts';
import { isPaudeError } from '../../../../lib/errors.ts';
import type { Tunnel } from '../../../../lib/tunnel.ts';
import { suite } from '../../../harness/suite.ts';
import { folder, target, type Folder } from './fake-api-server.ts';
import { outcome } from './outcome.ts';

const test = suite('exec through kubectl');
const env = { PATH: process.env['PATH'] };
let files: Folder;

test.before(async () => {
  files = await folder();
});
test.after(async () => files[Symbol.asyncDispose]());

/** A program that does as kubectl was seen to do. */
async function kubectl(
  script: string,
  more: { signal?: AbortSignal; death?: () => Promise<Error> } = {},
): Promise<Tunnel> {
  const program = await files.write('kubectl', `#!/bin/sh\n${script}\n`, 0o755);
  const { signal = new AbortController().signal, ...rest } = more;
  return kubectlExec(target, { program, env, context: 'here', signal, ...rest });
}

test('the streams are byte for byte, to the end of stdin and past it', async () => {
  await using tunnel = await kubectl('cat; echo after');
  const sent = randomBytes(300_000);
  tunnel.stdin.end(sent);
  const { end, stdout } = await outcome(tunnel);
  assert.is(end, 0);
  assert.ok(stdout.equals(Buffer.concat([sent, Buffer.from('after\n')])));
});

test('it is told the context, the namespace, the container, and the command as it stands', async () => {
  await using tunnel = await kubectl(`printf '%s|' "$@"`);
  tunnel.stdin.end();
  assert.is(
    (await outcome(tunnel)).stdout.toString(),
    'exec|--stdin|--context=here|--namespace=work|--container=agent|paude-fix-auth-0|--|cat|',
  );
});

test('the exit code is the command’s, and what kubectl says of it is not shown', async () => {
  for (const code of [1, 2, 137]) {
    await using tunnel = await kubectl(`printf 'error: mine\\nhalf' >&2; echo >&2
echo 'command terminated with exit code ${code}' >&2; exit ${code}`);
    tunnel.stdin.end();
    const { end, stderr } = await outcome(tunnel);
    assert.is(end, code);
    assert.is(stderr, 'error: mine\nhalf\n');
  }
});

test('a last line that looks like kubectl’s own is the command’s where all went well', async () => {
  await using tunnel = await kubectl(`echo out; echo 'error: hi' >&2`);
  tunnel.stdin.end();
  const { end, stdout, stderr } = await outcome(tunnel);
  assert.equal([end, stdout.toString(), stderr], [0, 'out\n', 'error: hi\n']);
});

test('what the server refused is told as its status, and the rest as a lost connection', async () => {
  await using unknown = await kubectl(
    `echo 'Error from server (NotFound): pods "paude-fix-auth-0" not found' >&2; exit 1`,
  );
  const { end } = await outcome(unknown);
  assert.instance(end, ApiStatus);
  const { code, reason, message } = end as ApiStatus;
  assert.equal([code, reason, message], [404, 'NotFound', 'pods "paude-fix-auth-0" not found']);

  for (const script of [`echo 'error: lost connection to pod' >&2; exit 1`, 'kill -9 $$']) {
    await using tunnel = await kubectl(script);
    const lost = await outcome(tunnel);
    assert.ok(isPaudeError(lost.end, 'CONNECTION_LOST'), String(lost.end));
    assert.is(lost.stderr, '');
  }
});

test('interrupting ends it, and so does a pod that died', async () => {
  const controller = new AbortController();
  await using first = await kubectl('exec cat', { signal: controller.signal });
  controller.abort();
  assert.ok(isPaudeError((await outcome(first)).end, 'INTERRUPTED'));
  await using second = await kubectl('exec cat', {
    death: async () => new Error('the pod was evicted'),
  });
  const { end } = await outcome(second);
  assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
  assert.match((end as Error).message, 'the pod was evicted');
});

test('oc goes before kubectl, and without both it is said what to install', async () => {
  const [one, two] = [join(files.path, 'one'), join(files.path, 'two')];
  await mkdir(one);
  await mkdir(two);
  const missing = await findKubectl({ PATH: `${one}:${two}` }).catch((error: unknown) => error);
  assert.ok(isPaudeError(missing, 'BACKEND_MISSING'));
  await files.write('one/kubectl', '', 0o755);
  assert.is(await findKubectl({ PATH: `${one}:${two}` }), join(one, 'kubectl'));
  await files.write('two/oc', '', 0o755);
  assert.is(await findKubectl({ PATH: `${one}:${two}` }), join(two, 'oc'));
});

test('inside a cluster there is no kubeconfig, and no context that it would know', async () => {
  await files.write('oc', '#!/bin/sh\n', 0o755);
  const config = (inCluster: boolean): Kubeconfig => ({
    currentContext: 'in-cluster',
    inCluster,
    clusters: { here: { server: 'https://10.0.0.1' } },
    users: {},
    contexts: { 'in-cluster': { cluster: 'here' } },
  });
  const contextOf = async (inCluster: boolean) => {
    const connection = targetOf(config(inCluster), undefined);
    const cluster = { connection, context: connection.context } as unknown as Cluster;
    const ports = { cluster, env: { PATH: files.path }, transport: async () => 'kubectl' as const };
    const { signal } = new AbortController();
    // Nothing was begun that could be silent.
    const watching = { death: () => new Promise<Error>(() => undefined), over: AbortSignal.abort() };
    return (await howToCall(ports, signal, watching)).context;
  };
  assert.is(await contextOf(true), undefined);
  // A user may call a context of a file just so.
  assert.is(await contextOf(false), 'in-cluster');
});

test.run();
