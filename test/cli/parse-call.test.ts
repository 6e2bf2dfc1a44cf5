import * as assert from 'uvu/assert';
import { findVerb, parseCall } from '../../lib/cli/parse-call.ts';
import { verbs } from '../../lib/cli/verbs.ts';
import { exitCodeOf, PaudeError } from '../../lib/errors.ts';
import { suite } from '../harness/suite.ts';

const test = suite('parse-call');

function call(...argv: readonly string[]) {
  const { entry, args } = findVerb(argv);
  const { flags, ...rest } = parseCall(entry, args);
  return { verb: entry.verb, flags: Object.fromEntries(flags), ...rest };
}

function refusal(...argv: readonly string[]): PaudeError {
  try {
    call(...argv);
  } catch (error) {
    assert.instance(error, PaudeError);
    assert.is(exitCodeOf(error), 2, argv.join(' '));
    return error as PaudeError;
  }
  throw new Error(`${argv.join(' ')} was taken`);
}

test('what looks like a number or a truth stays text', () => {
  const given = call('create', '007', '--agent-version', '1.0', '--base-image=true', '--memory', '1e3');
  assert.equal(given.args, ['007']);
  assert.equal(given.flags, { 'agent-version': '1.0', 'base-image': 'true', memory: '1e3' });
});

test('a value may begin with a dash or have = in it, and a flag may come more than once', () => {
  const { flags } = call('create', '--agent-args', '--model=opus', '--agent-args=-v', 'x');
  assert.is(flags['agent-args'], '--model=opus\n-v');
});

test('a switch that is set elsewhere can be taken back, and the last one counts', () => {
  assert.equal(call('create', '--no-yolo', '--openshift-tls-verify').flags, {
    yolo: false,
    'openshift-tls-verify': true,
  });
  assert.equal(call('create', '--no-yolo', '--yolo').flags, { yolo: true });
  assert.equal(call('create', '--yolo', '--no-yolo').flags, { yolo: false });
  assert.equal(call('create', '--no-openshift-tls-verify').flags, { 'openshift-tls-verify': false });
});

test('verbs of two words', () => {
  for (const verb of ['add', 'list', 'remove', 'cleanup']) {
    assert.is(call('remote', verb).verb, `remote ${verb}`);
  }
  assert.match(refusal('remote').message, /remote add, remote list, remote remove, remote cleanup/);
  assert.is(refusal('remote', 'ad').hint, 'git paude remote add');
});

test('a mistyped verb and an unknown flag name the nearest', () => {
  assert.is(refusal('crate').hint, 'git paude create');
  assert.is(refusal('conect', 'x').hint, 'git paude connect');
  assert.match(refusal('create', '--yoloo').hint!, /--yolo$/);
  assert.match(refusal('list', '--josn=1').hint!, /--json$/);
  refusal('create', '-y');
  assert.is(refusal('stop', '--detach').hint, 'it is a flag of: git paude start');
  assert.match(refusal('connect', '--memory=3Gi', 'x').hint!, /git paude create/);
  refusal('create', '--__proto__=x');
});

test('a switch takes no value, another flag needs one, and nothing is left over', () => {
  refusal('create', '--yolo=1');
  refusal('create', '--memory');
  refusal('list', 'x');
  refusal('create', 'a', 'b');
  assert.is(refusal('exec', 'x', 'ls').hint, 'git paude exec x -- ls');
  assert.is(refusal('exec', 'x', 'ls', '--namespace=b').hint, 'git paude exec x --namespace=b -- ls');
});

test('exec gets all after the first -- untouched; elsewhere what follows is no flag', () => {
  const given = call('exec', 'x', '--', 'sh', '-h', '--', '--json', '007', '');
  assert.equal(given.args, ['x']);
  assert.equal(given.rest, ['sh', '-h', '--', '--json', '007', '']);
  assert.equal(call('exec', '--', 'ls').args, []);
  assert.equal(call('create', '--', '--yolo').args, ['--yolo']);
  assert.equal(call('create', '--', '--yolo').flags, {});
});

test('-h and --help on each verb', () => {
  for (const { verb } of verbs) {
    assert.is(call(...verb.split(' '), '-h').flags['help'], true, verb);
    assert.is(call(...verb.split(' '), '--help').flags['help'], true, verb);
  }
});

test('other names of a flag, and switches that turn something off', () => {
  const { flags } = call(
    'create',
    '--namespace=n',
    '--kubernetes-context=c',
    '--registry=r',
    '--no-openshift-tls-verify',
  );
  assert.equal(flags, {
    'openshift-namespace': 'n',
    'openshift-context': 'c',
    'openshift-registry': 'r',
    'openshift-tls-verify': false,
  });
});

test("the mission's commands are read as they are written", () => {
  const commands = [
    'create --backend=openshift',
    'create --backend=openshift --openshift-namespace=my-namespace',
    'start',
    'create my-project --backend=openshift',
    'start my-project --backend=openshift',
    'remote add my-project',
    'connect my-project --backend=openshift',
    'stop my-project --backend=openshift',
    'list --backend=openshift',
    'delete my-project --confirm --backend=openshift',
    'create my-project --backend=openshift --pvc-size=50Gi',
    'create my-project --backend=openshift --storage-class=fast-ssd',
    'create --backend=openshift --openshift-registry=quay.io/myuser',
    'create --backend=openshift --no-openshift-tls-verify',
    'create --openshift-context=c --allow-network --yolo',
  ];
  for (const command of commands) {
    const given = call(...command.split(' '));
    assert.equal(given.args, command.includes('my-project') ? ['my-project'] : [], command);
    if (command.includes('--backend')) assert.is(given.flags['backend'], 'openshift', command);
  }
});

test.run();
