import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { ownClusterSkip } from '../harness/cluster-parts.ts';
import { kubectl } from './cluster-admin.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World } from './world.ts';

/** What a running pod is from the inside, and what becomes of a session whose pod is taken away. */
for (const ground of [onPlainCluster, onRestrictedCluster]) {
  const test = suite(`journey: inside (${ground.title})`);
  const it = test.skipIf(ground.skip);
  const isRestricted = ground === onRestrictedCluster;
  const namespace = isRestricted ? 'paude-restricted' : 'paude-plain';
  let world: World;
  let name: string;
  const inside = (script: string) => world.paude('exec', name, '--', 'sh', '-c', script).stdout;

  test.before(() => {
    if (ground.skip !== undefined) return;
    world = new World(ground);
    name = world.session('inside');
    world.paude('create', name);
    world.git('push', '-q', `paude-${name}`, 'main');
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  test.skipIf(ownClusterSkip)(
    'its user is the assigned one, or a fixed one, in group 0, with a home and a shell',
    () => {
      const uid = isRestricted ? '1000680000' : '1000';
      assert.is(inside('id -u; id -g'), `${uid}\n0\n`);
      assert.match(inside('id -G'), new RegExp(`\\b${uid}\\b`));
      assert.is(
        inside('cd && pwd; test -w . && echo writable; echo $SHELL'),
        '/home/paude\nwritable\n/bin/bash\n',
      );
    },
  );

  it('it has no capabilities, no way to more rights, a filter of system calls', () => {
    const status = inside('cat /proc/1/status /proc/self/status');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      assert.equal(
        [...new Set(status.match(new RegExp(`^${set}:.*$`, 'gm')))],
        [`${set}:\t0000000000000000`],
      );
    assert.equal([...new Set(status.match(/^NoNewPrivs:.*$/gm))], ['NoNewPrivs:\t1']);
    // 2: filtered, by the runtime's own profile.
    assert.equal([...new Set(status.match(/^Seccomp:.*$/gm))], ['Seccomp:\t2']);
  });

  it('it has no token of a service account, and no service’s address but the API server’s own', () => {
    assert.is(inside('ls /var/run/secrets/kubernetes.io 2>/dev/null; true'), '');
    // The kubelet gives every pod those of the API server, and of no other service.
    assert.is(inside('env | grep -E "_SERVICE_HOST=|_PORT=" | grep -v ^KUBERNETES_; true'), '');
  });

  it('the root is not writable, nor are the credentials, which are in memory; the volume is', () => {
    assert.is(inside('touch /usr/x /etc/x 2>/dev/null || echo refused'), 'refused\n');
    assert.match(inside('grep " / " /proc/mounts'), /^\S+ \/ \S+ ro[, ]/);
    assert.is(inside('touch /credentials/x 2>/dev/null || echo refused'), 'refused\n');
    assert.is(inside('stat -f -c %T /credentials /tmp /home/paude /run/paude'), 'tmpfs\n'.repeat(4));
    assert.is(inside('touch /pvc/x && rm /pvc/x && echo written'), 'written\n');
  });

  /** Evicts the session's pod, and holds it back from going until it is let go. */
  async function evict(): Promise<() => void> {
    const pod = `paude-${name}-0`;
    const hold = (finalizers: readonly string[]) =>
      kubectl([
        'patch',
        'pod',
        pod,
        '-n',
        namespace,
        '--type=merge',
        '-p',
        JSON.stringify({ metadata: { finalizers } }),
      ]);
    hold(['paude.io/test']);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
    kubectl(['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`, '-f', '-'], eviction);
    const ended = '-o=jsonpath={.status.containerStatuses[*].state.terminated.exitCode}';
    await until(
      () => kubectl(['get', 'pod', pod, '-n', namespace, ended]),
      (code) => code !== '',
    );
    return () => hold([]);
  }

  for (const [verb, args, words] of [
    [
      'exec',
      ['paude', 'exec', '--', 'cat', 'README'],
      /the session \S+ does not run: .*; it is started again\n/,
    ],
    ['push', ['push', '--all', 'NAME'], /paude: the session \S+ does not run: .*; it is started\n/],
    [
      'start',
      ['paude', 'start', '--detach'],
      /the pod of \S+ is not there: evicted, its node drained, or still/,
    ],
  ] as const) {
    test.skipIf(ownClusterSkip)(`an evicted pod: ${verb} starts it again and says so`, async () => {
      const letGo = await evict();
      const child = world.start(
        'git',
        args.map((arg) => (arg === 'NAME' ? `paude-${name}` : arg)),
      );
      child.stdin!.end();
      let said = '';
      child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
      const output = child.stdout!.toArray();
      const code = once(child, 'close');
      await until(
        () => said,
        (text) => words.test(text),
      );
      letGo();
      assert.is((await code)[0], 0, said);
      if (verb === 'exec') assert.is(Buffer.concat(await output).toString(), 'hello\n');
      assert.is(inside('cat README'), 'hello\n');
    });
  }

  it('two people on one terminal: both see it, and each leaves for themselves', async () => {
    // Without a login nobody is let to the agent.
    const login = { ANTHROPIC_API_KEY: 'sk-ant-nobodys' };
    const line = `git paude connect ${name}`;
    const [ada, bea] = [new PersonTerminal(world, line, login), new PersonTerminal(world, line, login)];
    try {
      const clients = () => inside('tmux list-clients | grep -c .');
      await until(clients, (count) => count === '2\n');
      ada.keys('C-b', 'c');
      ada.type('echo "said by $((1+1))"');
      for (const { screen } of [ada, bea]) await until(screen, (text) => text.includes('said by 2'));
      ada.detach();
      await until(ada.screen, (text) => text.includes('ended with 0'));
      assert.is(clients(), '1\n');
      bea.type('echo "still $((1+2))"');
      await until(bea.screen, (text) => text.includes('still 3'));
    } finally {
      for (const person of [ada, bea]) person.end();
    }
  });

  test.run();
}
