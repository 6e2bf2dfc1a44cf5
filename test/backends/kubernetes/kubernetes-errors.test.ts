import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { ApiStatus } from '../../../lib/backends/kubernetes/api-connection.ts';
import { kubernetesError } from '../../../lib/backends/kubernetes/kubernetes-errors.ts';
import { suite } from '../../harness/suite.ts';

/** What a user is told of the API server's refusals; the words are those of a real one. */
const test = suite('errors of a cluster');
const where = { context: 'dev', namespace: 'work' };

function refusal(code: number, message: string) {
  const status = { kind: 'Status', status: 'Failure', code, message };
  return kubernetesError('list sessions', where, new ApiStatus('GET /x', code, status));
}

test('without a login it is the same whether the API server knows nobody or lets them in as anonymous', () => {
  const told = (code: number, said: string) => {
    const error = refusal(code, said);
    return [error.code, error.message, error.hint];
  };
  const unauthorized = told(401, 'Unauthorized');
  assert.is(unauthorized[0], 'NOT_LOGGED_IN');
  for (const said of [
    'statefulsets.apps is forbidden: User "system:anonymous" cannot list resource "statefulsets" in API group "apps" in the namespace "work"',
    'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope',
    'namespaces "work" is forbidden: User "system:anonymous" cannot get resource "namespaces" in API group "" in the namespace "work"',
    'statefulsets.apps is forbidden: User "system:anonymous" cannot list resource "statefulsets" in API group "apps" in the namespace "work": namespaces "work" not found',
    'forbidden: User "system:anonymous" cannot get path "/apis"',
  ])
    assert.equal(told(403, said), unauthorized, said);
});

test('a server that has too much to do, and one whose store has no leader, may answer in a moment', () => {
  for (const [code, said] of [
    [429, 'Too many requests, please try again later.'],
    [429, 'The apiserver is shutting down, please try again later.'],
    [500, 'etcdserver: leader changed'],
    [500, 'rpc error: code = Unavailable desc = transport is closing'],
    [503, 'storage is (re)initializing'],
  ] as const) {
    const error = refusal(code, said);
    assert.is(error.code, 'BACKEND_UNREACHABLE', said);
    assert.is(error.message, `the API server of dev can't list sessions now: ${said}`);
    assert.is(error.hint, 'try again');
  }
  const webhook = 'Internal error occurred: failed calling webhook "x"';
  assert.is(refusal(500, webhook).code, 'BACKEND_FAILED');
});

/** The words of the two commands of a refusal's hint, as a shell reads them. */
function grant(message: string): readonly (readonly string[])[] {
  const { code, hint } = refusal(403, message);
  assert.is(code, 'FORBIDDEN', message);
  const [, commands] = /can grant it: (.*?)(?:; or switch|$)/.exec(hint!)!;
  const script = `kubectl() { printf '%s\\0' "$@"; echo; }; ${commands!}`;
  const { stdout, status } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  assert.is(status, 0, commands);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\0').slice(0, -1));
}

const forbidden = (
  user: string,
  verb: string,
  resource: string,
  group: string,
  there = 'in the namespace "work"',
) =>
  `x is forbidden: User ${JSON.stringify(user)} cannot ${verb} resource "${resource}" in API group "${group}" ${there}`;

test('the Role of a hint has the verb and the resource that were refused, and its binding the user', () => {
  for (const [user, verb, resource, group, full] of [
    ['ada', 'list', 'statefulsets', 'apps', 'statefulsets.apps'],
    ['ada', 'deletecollection', 'persistentvolumeclaims', '', 'persistentvolumeclaims'],
    ['kube:admin', 'create', 'pods/exec', '', 'pods/exec'],
    ['system:serviceaccount:ci:bot', 'patch', 'statefulsets/scale', 'apps', 'statefulsets.apps/scale'],
    ["CORP\\Ada O'Neil $(reboot)", 'get', 'pods', '', 'pods'],
  ] as const) {
    const [role, binding] = grant(forbidden(user, verb, resource, group));
    const name = role![2]!;
    assert.match(name, /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
    const there = [name, '-n', 'work', '--context=dev'];
    assert.equal(role, ['create', 'role', ...there, `--verb=${verb}`, `--resource=${full}`]);
    assert.equal(binding, ['create', 'rolebinding', ...there, `--role=${name}`, `--user=${user}`]);
  }
  const [role, binding] = grant(forbidden('ada', 'list', 'pods', '', 'at the cluster scope'));
  assert.equal(role!.slice(0, 2), ['create', 'clusterrole']);
  assert.is(binding![4], `--clusterrole=${role![2]!}`);
});

test('no two rights, and no two users, share the name of a Role: the second hint can be pasted too', () => {
  const names = [
    forbidden('ada', 'list', 'pods', ''),
    forbidden('ada', 'get', 'pods', ''),
    forbidden('ada', 'get', 'pods/log', ''),
    forbidden('ada', 'get', 'statefulsets', 'apps'),
    forbidden('bob', 'list', 'pods', ''),
    forbidden('a.da', 'list', 'pods', ''),
    forbidden('a-da', 'list', 'pods', ''),
  ].map((message) => grant(message)[0]![2]!);
  assert.is(new Set(names).size, names.length, names.join(' '));
});

test.run();
