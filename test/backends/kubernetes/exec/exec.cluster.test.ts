import { createHash, randomBytes } from 'node:crypto';
import * as assert from 'uvu/assert';
import {
  ApiStatus,
  connect,
  type ApiConnection,
} from '../../../../lib/backends/kubernetes/api-connection.ts';
import { execTunnel, type ExecTunnel } from '../../../../lib/backends/kubernetes/exec/exec-tunnel.ts';
import { findKubectl, kubectlExec } from '../../../../lib/backends/kubernetes/exec/kubectl-exec.ts';
import { isPaudeError } from '../../../../lib/errors.ts';
import { sessionName } from '../../../../lib/names.ts';
import { clusterEnv, clusterImage, clusterSkip } from '../../../harness/cluster-world.ts';
import { suite } from '../../../harness/suite.ts';
import { outcome } from './outcome.ts';

const skip = clusterSkip;
const image = clusterImage;
const test = suite('exec in a real pod');
const it = test.skipIf(skip);
const signal = new AbortController().signal;
const pod = `paude-exec-${randomBytes(4).toString('hex')}`;
const env = clusterEnv('certificate');
let connection: ApiConnection;
let pods: string;

const target = (...command: string[]) => ({
  session: sessionName('fix-auth'),
  namespace: connection.namespace ?? 'default',
  pod,
  container: 'agent',
  command,
});

test.before(async () => {
  if (skip !== undefined) return;
  connection = await connect(undefined, { env, interactive: false });
  pods = `/api/v1/namespaces/${connection.namespace ?? 'default'}/pods`;
  await connection.request('POST', pods, { body: manifest() });
  const query = { fieldSelector: `metadata.name=${pod}` };
  for await (const { object } of connection.watch<{ status: { phase: string } }>(pods, query, signal)) {
    if (object.status.phase === 'Running') break;
  }
});
test.after(async () => {
  if (skip !== undefined) return;
  await connection
    .request('DELETE', `${pods}/${pod}`, { body: { gracePeriodSeconds: 0 } })
    .catch(goneAlready);
  connection.close();
});

function goneAlready(error: unknown): void {
  if (!(error instanceof ApiStatus) || error.code !== 404) throw error;
}

function manifest(): object {
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'agent',
          image,
          command: ['sleep', '3600'],
          securityContext,
          resources: { limits: { cpu: '500m', memory: '128Mi' } },
        },
      ],
    },
  };
}

const open = (...command: string[]): Promise<ExecTunnel> =>
  execTunnel(connection, target(...command), { signal });

it('every byte comes back, and stdin’s end is seen while stdout is open', async () => {
  const sent = randomBytes(20 * 1024 * 1024);
  await using tunnel = await open('cat');
  tunnel.stdin.end(sent);
  const { end, stdout } = await outcome(tunnel);
  assert.is(end, 0);
  assert.ok(stdout.equals(sent), `${stdout.length} bytes`);
  await using counting = await open('sha256sum');
  counting.stdin.end(sent);
  assert.match((await outcome(counting)).stdout.toString(), createHash('sha256').update(sent).digest('hex'));
});

it('exit codes, and stderr apart', async () => {
  for (const code of [0, 1, 137, 255]) {
    await using tunnel = await open('sh', '-c', `echo out; echo err >&2; exit ${code}`);
    tunnel.stdin.end();
    const { end, stdout, stderr } = await outcome(tunnel);
    assert.equal([end, stdout.toString(), stderr], [code, 'out\n', 'err\n']);
  }
});

it('the whole of stdout is there when the code is told', async () => {
  for (let round = 0; round < 20; round++) {
    // It goes on until all is here: Kubernetes itself may lose the last of what a command says right before its end,
    // where the API server has much to do (kubernetes/kubernetes#60140).
    await using tunnel = await open('sh', '-c', 'head -c 1000000 /dev/zero; read -r _');
    tunnel.stderr.resume();
    let length = 0;
    tunnel.stdout.on(
      'data',
      (chunk: Buffer) => (length += chunk.length) === 1_000_000 && tunnel.stdin.end('\n'),
    );
    assert.equal([await tunnel.exit, length], [0, 1_000_000]);
  }
});

it('what is refused is told in the server’s words', async () => {
  const refused = async (change: object) =>
    await execTunnel(connection, { ...target('true'), ...change }, { signal }).then(
      async (tunnel) => (await outcome(tunnel)).end,
      (error: unknown) => error,
    );
  const seen = [];
  for (const change of [{ pod: 'nobody' }, { container: 'nobody' }, { command: ['no-such-program'] }]) {
    const error = await refused(change);
    assert.instance(error, ApiStatus);
    seen.push((error as ApiStatus).code);
  }
  assert.equal(seen, [404, 400, 500]);
  const elsewhere = await refused({ namespace: 'kube-system' });
  assert.is((elsewhere as ApiStatus).reason, 'Forbidden');
});

it('a terminal has the size that it was told', async () => {
  const tunnel = await execTunnel(connection, target('sh'), { signal }, { tty: true });
  await using _ = tunnel;
  tunnel.resize(123, 45);
  tunnel.stdin.write('sleep 0.2; stty size; exit 3\r');
  tunnel.stderr.resume();
  const { end, stdout } = await outcome(tunnel);
  assert.is(end, 3);
  assert.match(stdout.toString(), '45 123');
});

it('disposing it ends what reads its stdin', async () => {
  const marker = randomBytes(6).toString('hex');
  const running = await open('sh', '-c', `echo ready; cat; : ${marker}`);
  await new Promise((resolve) => running.stdout.once('data', resolve));
  await running[Symbol.asyncDispose]();
  await using looking = await open(
    'sh',
    '-c',
    // In brackets, so that the pattern is not found in the words that look for it.
    `while grep -q '[${marker[0]}]${marker.slice(1)}' /proc/[0-9]*/cmdline 2>/dev/null; do sleep 0.05; done`,
  );
  looking.stdin.end();
  assert.is((await outcome(looking)).end, 0);
});

const kubectl = await findKubectl(env).catch(() => undefined);
test.skipIf(skip ?? (kubectl === undefined ? 'neither oc nor kubectl is on the PATH' : undefined))(
  'kubectl does the same',
  async () => {
    const run = (...command: string[]) =>
      kubectlExec(target(...command), { program: kubectl!, env, context: connection.context, signal });
    const sent = randomBytes(3 * 1024 * 1024);
    await using cat = run('cat');
    cat.stdin.end(sent);
    assert.ok((await outcome(cat)).stdout.equals(sent));
    await using failing = run('sh', '-c', 'echo mine >&2; exit 9');
    failing.stdin.end();
    const { end, stderr } = await outcome(failing);
    assert.equal([end, stderr], [9, 'mine\n']);
    await using unknown = kubectlExec(
      { ...target('true'), pod: 'nobody' },
      { program: kubectl!, env, context: connection.context, signal },
    );
    assert.is(((await outcome(unknown)).end as ApiStatus).code, 404);
  },
);

it('a pod that is killed ends the tunnel', async () => {
  await using tunnel = await open('cat');
  tunnel.stdin.write('x');
  await new Promise((resolve) => tunnel.stdout.once('data', resolve));
  await connection.request('DELETE', `${pods}/${pod}`, { body: { gracePeriodSeconds: 0 } });
  const { end } = await outcome(tunnel);
  assert.ok(end === 137 || isPaudeError(end, 'CONNECTION_LOST') || end instanceof ApiStatus, String(end));
});

test.run();
