import * as assert from 'uvu/assert';
import { PassThrough, Readable } from 'node:stream';
import { isPaudeError, type ErrorCode } from '../../lib/errors.ts';
import { sessionName, type SessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { execInSession } from '../../lib/session/exec-in-session.ts';
import type { SessionSpec } from '../../lib/session/session.ts';
import { syncCredentials, type Scope } from '../../lib/session/sync-credentials.ts';
import type { Credentials } from '../../lib/session/credentials.ts';
import { handMade } from '../credentials/hand-made.ts';
import type { Suite } from '../harness/suite.ts';

export interface Subject {
  readonly backend: Backend;
  /** The image that the sessions run; of no use where there are no images. */
  readonly image: string;
}

const never = new AbortController().signal;

/** What every backend has to keep. `make` is called once, before the first test; undefined: all are skipped. */
export function backendContract(
  test: Suite,
  prefix: string,
  make: () => Promise<Subject>,
  skip?: string,
): void {
  const it = test.skipIf(skip);
  // Named for this run: another one may go on beside it.
  const [one, two] = [
    sessionName(`${prefix}-${process.pid}-one`),
    sessionName(`${prefix}-${process.pid}-two`),
  ];
  let subject: Subject;

  const spec = (name: SessionName, yolo = false): SessionSpec => ({
    name,
    image: subject.image,
    description: {
      agent: 'claude',
      agentArgs: ['--model', 'a "b"\n,c'],
      packages: [],
      yolo,
      allowNetwork: true,
    },
  });
  const create = (name: SessionName) => subject.backend.create(spec(name), () => undefined, never);
  const start = async (name: SessionName) => {
    for await (const phase of subject.backend.start(name, never)) assert.ok(phase.text.length > 0);
  };
  const state = async (name: SessionName) => (await subject.backend.get(name, never))?.state;

  async function run(name: SessionName, command: readonly string[], input: Readable = Readable.from([])) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [stdout.toArray(), stderr.toArray()];
    const code = await execInSession(subject.backend, name, command, { stdin: input, stdout, stderr }, never);
    stdout.end();
    stderr.end();
    return { code, stdout: Buffer.concat(await out), stderr: Buffer.concat(await err).toString() };
  }

  async function fails(code: ErrorCode, work: () => Promise<unknown>) {
    try {
      await work();
    } catch (error) {
      assert.ok(isPaudeError(error, code), String(error));
      return;
    }
    assert.unreachable(`${code} was expected`);
  }

  test.before(async () => {
    if (skip === undefined) subject = await make();
  });
  test.after(async () => {
    if (skip !== undefined) return;
    for (const name of [one, two]) await subject.backend.remove(name, never);
  });

  it('a session that is not there is unknown to everything', async () => {
    assert.is(await state(one), undefined);
    await fails('SESSION_UNKNOWN', () => start(one));
    await fails('SESSION_UNKNOWN', () => subject.backend.stop(one, never));
    await fails('SESSION_UNKNOWN', () => run(one, ['true']));
    await subject.backend.remove(one, never);
  });

  it('create describes it, and nothing runs', async () => {
    const made = await create(one);
    assert.is(made.state, 'created');
    assert.equal(made.description, spec(one).description);
    assert.equal((await subject.backend.get(one, never))?.description, spec(one).description);
    await fails('SESSION_STOPPED', () => run(one, ['true']));
  });

  it('of two creators at once one session comes out, and both get it', async () => {
    const both = await Promise.all([
      subject.backend.create(spec(two), () => undefined, never),
      subject.backend.create(spec(two, true), () => undefined, never),
    ]);
    assert.equal(both[0].description, both[1].description);
    const names = (await subject.backend.list(never)).map((session) => session.location.name);
    assert.is(names.filter((name) => name === two).length, 1);
  });

  it('start ends when commands can run, and again is nothing new', async () => {
    await start(one);
    assert.is(await state(one), 'running');
    await start(one);
    const { stdout } = await run(one, ['sh', '-c', 'echo $PAUDE_SESSION']);
    assert.is(stdout.toString(), `${one}\n`);
  });

  it('streams are exact, and the exit code is the command’s', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 256));
    const copied = await run(one, ['cat'], Readable.from([bytes]));
    assert.is(copied.code, 0);
    assert.ok(copied.stdout.equals(bytes));
    const failed = await run(one, ['sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal([failed.code, failed.stdout.toString(), failed.stderr], [7, 'out\n', 'err\n']);
    assert.is((await run(one, ['sh', '-c', 'kill -9 $$'])).code, 137);
    assert.is(
      (await run(one, ['printf', '%s|', 'a b', '"', '$HOME', ''])).stdout.toString(),
      'a b|"|$HOME||',
    );
  });

  it('a command is ended when its client is', async () => {
    const stopping = new AbortController();
    const [stdout, stderr] = [new PassThrough(), new PassThrough().resume()];
    const streams = { stdin: new PassThrough(), stdout, stderr };
    const command = ['sh', '-c', 'echo $$; exec sleep 300'];
    const running = execInSession(subject.backend, one, command, streams, stopping.signal);
    const ended = running.then(
      () => undefined,
      (error: unknown) => error,
    );
    const pid = String((await stdout.iterator().next()).value).trim();
    stopping.abort();
    assert.ok(isPaudeError(await ended, 'INTERRUPTED'));
    // The session ends it on its own, a moment later.
    const gone = ['sh', '-c', `while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`];
    assert.is((await run(one, gone)).code, 0);
  });

  it('credentials arrive whole, and only what has changed', async () => {
    const sync = (credentials: Credentials, scope: Scope = 'login') =>
      syncCredentials({ backend: subject.backend, credentials }, one, scope, () => undefined, never);
    const shell = (script: string) => run(one, ['sh', '-c', script]).then(({ stdout }) => stdout.toString());
    const first = handMade(
      { 'environment/ANTHROPIC_MODEL': 'a "b" $c\nd' },
      { 'home/.claude/CLAUDE.md': 'be kind' },
    );
    assert.is((await sync(first)).outcome, 'sent');
    const place = '"${PAUDE_CREDENTIALS:-/credentials}/login/environment/ANTHROPIC_MODEL"';
    assert.is(
      await shell(`cat ${place}; stat -c %a ${place} ~/.claude/CLAUDE.md; cat ~/.claude/CLAUDE.md`),
      'a "b" $c\nd600\n600\nbe kind',
    );
    assert.is((await sync(first)).outcome, 'same');
    // What lives shortly goes alone; the rest when it is asked for.
    const second = handMade({ 'home/.config/gcloud/x': 'token' }, { 'home/.claude/CLAUDE.md': 'be kinder' });
    assert.is((await sync(second)).outcome, 'sent');
    assert.is(
      await shell(`cat ~/.config/gcloud/x ~/.claude/CLAUDE.md; test ! -e ${place} && echo gone`),
      'tokenbe kindgone\n',
    );
    assert.is((await sync(second, 'everything')).outcome, 'sent');
    assert.is(await shell('cat ~/.claude/CLAUDE.md'), 'be kinder');
  });

  it('credentials are gone with a stop, and the agent can’t write where they land', async () => {
    if (subject.image !== 'none') {
      const tried = await run(one, ['sh', '-c', 'echo x > /credentials/login/x']);
      assert.match(tried.stderr, /Read-only file system/);
      assert.is((await run(one, ['stat', '-f', '-c', '%T', '/credentials'])).stdout.toString(), 'tmpfs\n');
    }
    await subject.backend.stop(one, never);
    await start(one);
    const left = await run(one, ['sh', '-c', 'ls "${PAUDE_CREDENTIALS:-/credentials}"; ls ~/.config/gcloud']);
    assert.is(left.stdout.toString(), '');
  });

  it('stop keeps the files, and start brings them back', async () => {
    await run(one, ['sh', '-c', 'echo kept > "$PAUDE_VOLUME/kept"']);
    await subject.backend.stop(one, never);
    assert.is(await state(one), 'stopped');
    await subject.backend.stop(one, never);
    await fails('SESSION_STOPPED', () => run(one, ['true']));
    await start(one);
    assert.is((await run(one, ['sh', '-c', 'cat "$PAUDE_VOLUME/kept"'])).stdout.toString(), 'kept\n');
  });

  it('remove removes one session, and no other', async () => {
    await subject.backend.remove(one, never);
    assert.is(await state(one), undefined);
    assert.is(await state(two), 'created');
    await subject.backend.remove(one, never);
    await fails('SESSION_UNKNOWN', () => run(one, ['true']));
  });
}
