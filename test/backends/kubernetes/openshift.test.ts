import type http from 'node:http';
import * as assert from 'uvu/assert';
import { clusterIn, type Cluster } from '../../../lib/backends/kubernetes/cluster.ts';
import { streamTags } from '../../../lib/backends/kubernetes/registry/stream-tags.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';

/**
 * What only an OpenShift has can't be had where these tests run, and is answered at the wire, as its API reference
 * has it: users/~ (user.openshift.io/v1), the groups of its APIs, the users that a project assigns.
 */
const test = suite('openshift at the wire');
const never = new AbortController().signal;

interface Answers {
  readonly [path: string]: readonly [code: number, body: object];
}

const status = (code: number, reason: string, message: string, details: object = {}) =>
  [code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }] as const;
const noSuchApi = status(404, 'NotFound', 'the server could not find the requested resource');
const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const project = '/api/v1/namespaces/work';
const kube = [201, { status: { userInfo: { username: 'kube:alice' } } }] as const;
const maySeeNothing = status(
  403,
  'Forbidden',
  'namespaces "work" is forbidden: User "alice" cannot get resource',
);

const facts = (answers: Answers) => within(answers, (cluster) => cluster.facts(never));

async function within<T>(answers: Answers, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const answer: http.RequestListener = (request, response) => {
    const [code, body] = answers[new URL(request.url!, 'http://x').pathname] ?? noSuchApi;
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  await using server = await fakeServer({ answer });
  const connection = await connectTo(server.port);
  try {
    return await work(clusterIn(connection, 'work'));
  } finally {
    connection.close();
  }
}

test('the user is whom SelfSubjectReview names; before it was there, users/~; else the kubeconfig', async () => {
  const there = [200, { metadata: {} }] as const;
  const own = { '/apis/user.openshift.io/v1/users/~': [200, { metadata: { name: 'alice' } }] as const };
  assert.is((await facts({ [review]: kube, ...own, [project]: there })).user, 'kube:alice');
  assert.is((await facts({ ...own, [project]: there })).user, 'alice');
  assert.is((await facts({ [project]: there })).user, 'here');
});

test('a project that assigns users is known by its annotation, or where it may not be looked at by the APIs', async () => {
  const annotated = { metadata: { annotations: { 'openshift.io/sa.scc.uid-range': '1000680000/10000' } } };
  const groups = (...names: string[]) => ({
    '/apis': [200, { groups: names.map((name) => ({ name })) }] as const,
  });
  const assigns = async (answers: Answers) => (await facts({ [review]: kube, ...answers })).assignsUsers;
  assert.is(await assigns({ [project]: [200, annotated] }), true);
  assert.is(await assigns({ [project]: [200, { metadata: {} }] }), false);
  assert.is(await assigns({ [project]: maySeeNothing, ...groups('apps', 'security.openshift.io') }), true);
  assert.is(await assigns({ [project]: maySeeNothing, ...groups('apps') }), false);
});

test('a project that is not there, and a login that has expired, stop it with what helps', async () => {
  const missing = status(404, 'NotFound', 'namespaces "work" not found', {
    name: 'work',
    kind: 'namespaces',
  });
  const expired = status(401, 'Unauthorized', 'Unauthorized');
  for (const [answers, code, hint] of [
    [{ [review]: kube, [project]: missing }, 'NAMESPACE_MISSING', /oc project NAME/],
    [{ [review]: expired, [project]: expired }, 'NOT_LOGGED_IN', /oc login/],
  ] as const) {
    const error: unknown = await facts(answers).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, code), String(error));
    assert.match(error.hint!, hint);
  }
});

test('whoever may not even see which APIs there are is told so', async () => {
  const forbidden = status(403, 'Forbidden', 'forbidden: User "system:anonymous" cannot get path "/apis"');
  const asked = facts({ [review]: kube, [project]: maySeeNothing, '/apis': forbidden });
  const error: unknown = await asked.catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NOT_LOGGED_IN'), String(error));
});

test('a tag of an image stream is deleted; where that is not allowed, the command is named', async () => {
  const path = '/apis/image.openshift.io/v1/namespaces/work/imagestreamtags/paude-session:1';
  const remove = (answers: Answers) =>
    within(answers, (cluster) => streamTags(cluster).remove('work/paude-session', '1', never));
  assert.is(await remove({ [path]: [200, { kind: 'Status', status: 'Success' }] }), true);
  assert.is(await remove({}), false);
  const said =
    'imagestreamtags.image.openshift.io "paude-session:1" is forbidden: User "alice" cannot delete resource "imagestreamtags" in API group "image.openshift.io" in the namespace "work"';
  const error: unknown = await remove({ [path]: status(403, 'Forbidden', said) }).catch(
    (reason: unknown) => reason,
  );
  assert.ok(isPaudeError(error, 'FORBIDDEN'), String(error));
  assert.match(error.message, 'alice may not delete imagestreamtags.image.openshift.io in work');
  assert.match(error.hint!, 'oc delete imagestreamtag paude-session:1 -n work');
});

test.run();
