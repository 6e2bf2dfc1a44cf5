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

test.run();
