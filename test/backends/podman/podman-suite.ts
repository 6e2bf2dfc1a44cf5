import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { limitsOf } from '../../../lib/backends/podman/limits.ts';
import { containerArguments, labelsOf } from '../../../lib/backends/podman/objects.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { execInSession } from '../../../lib/session/exec-in-session.ts';
import type { SessionSpec } from '../../../lib/session/session.ts';
import { backendContract } from '../../contract/backend-contract.ts';
import { testImage } from '../../harness/podman-world.ts';
import type { Suite } from '../../harness/suite.ts';

const signal = new AbortController().signal;
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };

/** The contract, and what is Podman's own, on a podman of this kind. */
export function podmanSuite(test: Suite, kind: string, program: string, skip?: string): void {
  const podman = podmanProgram(process.env, program);
  const backend = podmanBackend(podman, 'tester');
  const it = test.skipIf(skip);
  const name = sessionName(`more-${kind}`);
  const spec: SessionSpec = { name, image: testImage, description };

  async function start(): Promise<void> {
    for await (const phase of backend.start(name, signal)) assert.ok(phase.text);
  }

  async function output(...command: string[]): Promise<string> {
    const stdout = new PassThrough();
    const said = stdout.toArray();
    const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
    assert.is(await execInSession(backend, name, command, streams, signal), 0, command.join(' '));
    stdout.end();
    return Buffer.concat(await said).toString();
  }

  backendContract(test, `contract-${kind}`, async () => ({ backend, image: testImage }), skip);

  test.after.each(async () => {
    if (skip === undefined) await backend.remove(name, signal);
  });

  it('what is left of a session without its volume is found, and goes', async () => {
    await backend.create(spec, () => undefined, signal);
    for (const args of [
      ['rm', '--force', `paude-${name}`],
      ['volume', 'rm', `paude-${name}`],
    ])
      execFileSync(program, args);
    assert.is(await backend.get(name, signal), undefined);
    const { objects, owner } = await backend.leftovers(name, signal);
    assert.ok(objects.includes(`volume paude-${name}.credentials`), objects.join());
    assert.is(owner, 'tester');
    await backend.remove(name, signal);
    assert.equal((await backend.leftovers(name, signal)).objects, []);
  });

  it('what runs in it has no rights, and writes to the volume and to memory only', async () => {
    await backend.create(spec, () => undefined, signal);
    await start();
    assert.is(await output('id', '-u'), '1000\n');
    assert.is(await output('id', '-g'), '0\n');
    const status = await output('cat', '/proc/self/status');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      assert.match(status, new RegExp(`${set}:\\s+0+\n`));
    assert.match(status, /NoNewPrivs:\s+1/);
    assert.match(status, /Seccomp:\s+2/);
    const writable =
      'for d in / /etc /usr /var /opt /root /usr/libexec/paude; do if [ -w "$d" ]; then echo "$d"; fi; done';
    assert.is(await output('sh', '-c', writable), '');
    assert.is(
      (await output('stat', '-f', '-c', '%T', '/home/paude', '/run/paude', '/tmp')).trim(),
      'tmpfs\ntmpfs\ntmpfs',
    );
  });

  it('the memory for credentials has an end, the session can’t write there, and what fits lands after that', async () => {
    await backend.create(spec, () => undefined, signal);
    await start();
    const write = async (bytes: string) => {
      const script = `head -c ${bytes} /dev/zero >/credentials/x; echo "$?"; stat -c %s /credentials/x; rm /credentials/x`;
      await using tunnel = await backend.open(name, ['sh', '-c', script], signal, 'credentials');
      tunnel.stdin.end();
      return (await tunnel.stdout.setEncoding('utf8').toArray()).join('').split('\n');
    };
    const [code, written] = await write('300M');
    assert.is(code, '1');
    assert.is(Number(written), 224 * 2 ** 20);
    assert.equal((await write('200M')).slice(0, 2), ['0', String(200 * 2 ** 20)]);
    assert.match(await output('sh', '-c', 'echo x 2>&1 >/credentials/x || true'), 'Read-only');
  });

  it('a container that dies under a command is told of, and what was pruned is made again', async () => {
    await backend.create(spec, () => undefined, signal);
    await start();
    await output('sh', '-c', 'echo kept > /pvc/kept');
    const stdout = new PassThrough();
    const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough().resume() };
    const running = execInSession(backend, name, ['sh', '-c', 'echo runs; sleep 300'], streams, signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    await stdout.iterator().next();
    await podman.run(['kill', `paude-${name}`], { signal });
    assert.ok(isPaudeError(await running, 'SESSION_DIED'));
    await podman.run(['rm', '--force', `paude-${name}`], { signal });
    await podman.run(['network', 'rm', '--force', `paude-${name}`], { signal });
    assert.is((await backend.get(name, signal))?.state, 'stopped');
    await start();
    assert.is(await output('cat', '/pvc/kept'), 'kept\n');
  });

  it('what a killed start has left half made is made again', async () => {
    await backend.create(spec, () => undefined, signal);
    await start();
    await output('sh', '-c', 'echo kept > /pvc/kept');
    const object = `paude-${name}`;
    const isRun = (id: string) =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(`conmon --api-version 1 -c ${id}`);
    // From when the runtime is called for on, podman is in its middle; milliseconds after that.
    for (const wait of [0, 20, 100]) {
      await backend.stop(name, signal);
      const { stdout: id } = await podman.run(['container', 'inspect', '--format', '{{.Id}}', object], {
        signal,
      });
      const killed = spawn(program, ['start', object], { stdio: 'ignore' });
      const ended = new Promise((resolve) => killed.once('close', resolve));
      while (!isRun(id.trim()) && killed.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 2));
      await new Promise((resolve) => setTimeout(resolve, wait));
      killed.kill('SIGKILL');
      await ended;
      await start();
      assert.is(await output('cat', '/pvc/kept'), 'kept\n');
    }
  });

  it('a session that there is none of is not said to be made again', async () => {
    const phases: string[] = [];
    const error = await (async () => {
      for await (const { text } of backend.start(sessionName('there-is-none'), signal)) phases.push(text);
    })().catch((thrown: unknown) => thrown);
    assert.ok(isPaudeError(error, 'SESSION_UNKNOWN'), String(error));
    assert.equal(phases, ['starting the session there-is-none']);
  });

  for (const kind of ['volume', 'network'] as const) {
    it(`a ${kind} of our name that is a stranger's is left alone`, async () => {
      await podman.run([kind, 'create', `paude-${name}`], { signal });
      try {
        await backend.create(spec, () => undefined, signal);
        assert.unreachable();
      } catch (error) {
        assert.ok(isPaudeError(error, 'NOT_OURS'), String(error));
      }
      await backend.remove(name, signal);
      assert.equal(
        await backend.list(signal).then((all) => all.filter((one) => one.location.name === name)),
        [],
      );
      const there = await podman.run([kind, 'rm', `paude-${name}`], { signal });
      assert.is(there.exitCode, 0, 'the stranger’s object is still there');
    });
  }

  it('what fails in the middle of create is undone', async () => {
    try {
      await backend.create({ ...spec, image: 'localhost/there-is-none:1' }, () => undefined, signal);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPaudeError(error, 'IMAGE_MISSING'), String(error));
    }
    for (const kind of ['volume', 'network', 'container']) {
      assert.is(
        (await podman.run([kind, 'inspect', `paude-${name}`], { signal })).exitCode === 0,
        false,
        kind,
      );
    }
  });

  for (const user of ['0', '1000:0']) {
    it(`a build that is interrupted ends, with its step as user ${user}`, async () => {
      const context = mkdtempSync(join(tmpdir(), 'paude-build-'));
      chmodSync(context, 0o755);
      // Its number is this run's own.
      const asleep = `sleep 3333.${process.pid}`;
      const text = `FROM ${testImage}\nUSER ${user}\nRUN echo it sleeps; ${asleep}\n`;
      writeFileSync(join(context, 'Containerfile'), text);
      const stopping = new AbortController();
      const said: string[] = [];
      const onLine = (line: string) => {
        said.push(line);
        if (line === 'it sleeps') stopping.abort();
      };
      const args = ['build', '--pull=never', '--no-cache', context];
      try {
        const ended = await podman.run(args, { signal: stopping.signal, onLine }).catch((thrown) => thrown);
        assert.ok(isPaudeError(ended, 'INTERRUPTED'), String(ended));
        // Podman's own last word: it has ended by itself, and so has removed the container that it built in.
        assert.match(said.join('\n'), /^Error: building at STEP/m);
        assert.is(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(`\n${asleep}\n`), false);
      } finally {
        rmSync(context, { recursive: true });
      }
    });
  }

  it('it works as any user of group 0, as a cluster would give it one', async () => {
    const limits = await limitsOf(podman, spec, () => undefined, signal);
    await backend.create(spec, () => undefined, signal);
    await podman.run(['rm', `paude-${name}`], { signal });
    const as = containerArguments(spec, labelsOf(spec, 'tester', new Date()), limits).map((argument) =>
      argument === '1000:0' ? '4321:0' : argument,
    );
    assert.is((await podman.run(as, { signal })).exitCode, 0);
    await start();
    assert.is(await output('id', '-u'), '4321\n');
    assert.is(await output('sh', '-c', 'echo $HOME $SHELL $LANG'), '/home/paude /bin/bash C.UTF-8\n');
    const work =
      'git init -q /pvc/w && cd /pvc/w && git -c user.name=A -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s';
    assert.is(await output('sh', '-c', work), 'x\n');
    assert.match(await output('claude', '--version'), /^\d+\.\d+\.\d+/);
    assert.is(await output('sh', '-c', 'tmux new-session -d && tmux list-sessions | wc -l'), '1\n');
    assert.is(
      await output('sh', '-c', 'cd ~ && touch .cache/x .npm-global/x .local/x .cargo/x x && echo ok'),
      'ok\n',
    );
  });
}
