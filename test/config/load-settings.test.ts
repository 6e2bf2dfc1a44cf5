import * as assert from 'uvu/assert';
import { exitCodeOf } from '../../lib/errors.ts';
import { gitKeyOf, options, variableOf, type Option } from '../../lib/config/options.ts';
import { suite } from '../harness/suite.ts';
import { failure, place } from './sources.ts';

const test = suite('settings');

test('the first source that says something counts, and each value knows its source', async () => {
  await using here = await place('{"memory": "4Gi"}');
  await here.write('../home/paude/config.json', '{"memory": "5Gi"}');
  const flags = new Map([['memory', '1Gi']]);
  const env = { PAUDE_MEMORY: '2Gi' };
  const gitConfig = new Map([['paude.memory', '3Gi']]);
  const expected = [
    [{ flags, env, gitConfig }, '1Gi', 'flag', '--memory'],
    [{ env, gitConfig }, '2Gi', 'environment', 'PAUDE_MEMORY'],
    [{ gitConfig }, '3Gi', 'git config', 'paude.memory'],
    [{}, '4Gi', 'repository', `${here.topLevel}/.paude.json`],
    [{ topLevel: undefined }, '5Gi', 'user', `${here.userFolder}/config.json`],
  ] as const;
  for (const [sources, value, source, name] of expected) {
    const { values, origins } = await here.load(sources);
    assert.is(values.memory, value);
    assert.equal(origins.memory, { source, name });
  }
});

test('a password in what can’t be taken is in no message', async () => {
  await using here = await place();
  for (const url of ['http://me:secret@proxy.corp:3128\r', '-http://me:secret@proxy.corp:3128']) {
    const error = await failure(here.load({ env: { PAUDE_UPSTREAM_PROXY: url } }), 'CONFIG_INVALID');
    assert.match(error.message, /^PAUDE_UPSTREAM_PROXY: upstream-proxy: its value (has|begins)/);
    assert.not.match(`${error.message} ${error.hint}`, 'secret');
  }
});

test('of git’s values the last counts; of a list all do, from an empty one on', async () => {
  await using here = await place();
  const load = async (key: string, value: string) =>
    (await here.load({ gitConfig: new Map([[key, value]]) })).values;
  assert.is((await load('paude.memory', '1Gi\n2Gi')).memory, '2Gi');
  assert.equal((await load('paude.allow', 'npm\npypi')).allow, ['npm', 'pypi']);
  assert.equal((await load('paude.allow', 'npm\n\npypi,github')).allow, ['pypi', 'github']);
  assert.equal((await load('paude.allow', 'npm\n')).allow, []);
  assert.equal((await load('paude.agentargs', '--model\nopus'))['agent-args'], ['--model', 'opus']);
});

test('what nobody says is the fallback, or has no value', async () => {
  await using here = await place();
  const { values, origins } = await here.load();
  assert.is(values.backend, 'podman');
  assert.equal(origins.backend, { source: 'fallback', name: '' });
  assert.not('memory' in values);
  assert.not('memory' in origins);
});

test('every option can be given by its variable and by its key of git, and bad text says where it came from', async () => {
  await using here = await place();
  for (const option of options as readonly Option[]) {
    const bad = option.kind === 'list' ? 'A\0B' : '-\u0007';
    const variable = variableOf(option.key);
    const byVariable = await failure(here.load({ env: { [variable]: bad } }), 'CONFIG_INVALID');
    assert.match(byVariable.message, `${variable}: ${option.key}: `);
    const key = gitKeyOf(option.key);
    const byGit = await failure(
      here.load({ gitConfig: new Map([[key.toLowerCase(), bad]]) }),
      'CONFIG_INVALID',
    );
    assert.match(byGit.message, `${key}: ${option.key}: `);
    const byFlag = await failure(here.load({ flags: new Map([[option.key, bad]]) }), 'USAGE');
    assert.match(byFlag.message, `--${option.key}: ${option.key}: `);
    assert.not.match(byFlag.message, /\p{Cc}/u);
  }
});

test('text becomes numbers, truths and lists', async () => {
  await using here = await place();
  const env = {
    PAUDE_PIDS: '100',
    PAUDE_YOLO: 'on',
    PAUDE_ALLOW_NETWORK: 'FALSE',
    PAUDE_PACKAGES: 'jq, gcc\nmake',
    PAUDE_AGENT_ARGS: '--allowedTools\nBash,Edit',
  };
  const { values } = await here.load({ env });
  assert.is(values.pids, 100);
  assert.is(values.yolo, true);
  assert.is(values['allow-network'], false);
  assert.equal(values.packages, ['jq', 'gcc', 'make']);
  assert.equal(values['agent-args'], ['--allowedTools', 'Bash,Edit'], 'a comma is part of an argument');
});

test('an empty variable says nothing', async () => {
  await using here = await place();
  const { origins } = await here.load({ env: { PAUDE_MEMORY: '', PAUDE_BACKEND: '' } });
  assert.not('memory' in origins);
  assert.is(origins.backend?.source, 'fallback');
});

test("certificates of the shell count after the user's own", async () => {
  await using here = await place();
  const env = { NODE_EXTRA_CA_CERTS: '/etc/company.pem' };
  assert.equal((await here.load({ env })).origins['ca-file'], {
    source: 'environment',
    name: 'NODE_EXTRA_CA_CERTS',
  });
  await here.write('../home/paude/config.json', '{"ca-file": "/own.pem"}');
  assert.is((await here.load({ env })).values['ca-file'], '/own.pem');
});

test('a flag that means nothing to the backend is refused with exit code 2, and named', async () => {
  await using here = await place();
  const values: Record<string, unknown> = {
    'openshift-tls-verify': false,
    'pull-secret': 'none',
    'openshift-namespace': 'team',
    platform: 'linux/arm64',
    pids: '7',
    transport: 'auto',
  };
  const only = (options as readonly Option[]).filter((option) => option.only !== undefined);
  assert.ok(only.length > 5);
  for (const option of only) {
    const given: [string, unknown] = [option.key, values[option.key] ?? '1Gi'];
    const on = (backend: string) => here.load({ flags: new Map([given, ['backend', backend]]) });
    const [can, cannot] = option.only === 'podman' ? ['podman', 'openshift'] : ['openshift', 'podman'];
    const error = await failure(on(cannot!), 'OPTION_UNSUPPORTED');
    assert.is(exitCodeOf(error), 2);
    assert.match(error.message, `--${option.key}`);
    assert.ok(await on(can!));
  }
});

test.run();
