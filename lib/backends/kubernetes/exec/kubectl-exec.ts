import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Transform } from 'node:stream';
import { execa } from 'execa';
import { interrupted, PaudeError } from '../../../errors.ts';
import { lost } from '../../../session/lost.ts';
import type { Tunnel } from '../../../tunnel.ts';
import { childTunnel } from '../../child-tunnel.ts';
import { ApiStatus } from './api-status.ts';
import type { ExecOptions, ExecTarget } from './open-exec.ts';

/** What these programs say of themselves, on a last line of stderr. */
const ownWords =
  /^(command terminated with exit code \d+|error: |Error from server|Unable to connect|E\d{4} )/;
/** How long a line that may be the program's own is kept from the reader; milliseconds. */
const heldFor = 500;

/** The user's oc or kubectl, as an absolute path. Throws BACKEND_MISSING. */
export async function findKubectl(env: NodeJS.ProcessEnv): Promise<string> {
  for (const name of ['oc', 'kubectl']) {
    for (const folder of (env['PATH'] ?? '').split(delimiter).filter((text) => text !== '')) {
      const program = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
      if (
        await access(program, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return program;
    }
  }
  throw new PaudeError('BACKEND_MISSING', 'neither oc nor kubectl is on the PATH', {
    hint: 'install one of them: it is needed where the API server gives no WebSocket',
  });
}

export interface KubectlOptions extends Pick<ExecOptions, 'signal' | 'death'> {
  /** From `findKubectl`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** The kubeconfig's context; undefined inside a cluster. */
  readonly context: string | undefined;
}

/**
 * Runs a command through `oc exec -i` or `kubectl exec -i`, for where no WebSocket can be had. `exit` rejects with
 * CONNECTION_LOST, ApiStatus with what the program was told by the server, INTERRUPTED.
 */
export function kubectlExec(target: ExecTarget, options: KubectlOptions): Tunnel {
  const { program, env, context, signal, death } = options;
  const child = execa(program, argumentsFor(target, context, ['--stdin']), {
    env: environmentFor(env),
    extendEnv: false,
    detached: true,
    buffer: false,
    encoding: 'buffer',
    reject: false,
    cancelSignal: signal,
    stdin: 'pipe',
  });
  const stderr = withoutOwnWords(child.then(({ exitCode }) => exitCode));
  child.stderr.pipe(stderr.stream);
  // A command may end before it has read all: that is for its exit code to tell.
  child.stdin.on('error', () => undefined);
  let gone: Error | undefined;
  death?.().then(
    (error) => {
      gone = error;
      child.kill('SIGKILL');
    },
    () => undefined,
  );
  const exit = child.then(async (result) => {
    const own = await stderr.own;
    if (result.isCanceled) throw interrupted();
    if (gone !== undefined) throw lost(target.session, gone.message, gone);
    if (result.exitCode === undefined) {
      throw lost(target.session, result.shortMessage ?? 'it was ended', result);
    }
    return outcomeOf(target, result.exitCode, own, result);
  });
  return childTunnel(child, stderr.stream, exit);
}

/** The words of `oc` and `kubectl` for a command; `streams` says what of the caller's is handed to it. */
export function argumentsFor(
  target: ExecTarget,
  context: string | undefined,
  streams: readonly string[],
): readonly string[] {
  return [
    'exec',
    ...streams,
    ...(context === undefined ? [] : [`--context=${context}`]),
    `--namespace=${target.namespace}`,
    `--container=${target.container}`,
    target.pod,
    '--',
    ...target.command,
  ];
}

/** Its own WebSockets can't be had where it is needed, and lose a message now and then ("Unknown stream id"). */
export function environmentFor(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' };
}

/** What an exit code means beside the program's own words: without one, it is the command's. Throws what they say. */
export function outcomeOf(target: ExecTarget, code: number, own: string, cause: unknown): number {
  if (code === 0 || own === '' || own.startsWith('command terminated')) return code;
  const [, reason, message] = /^Error from server(?: \((\w+)\))?: (.*)$/s.exec(own) ?? [];
  if (message === undefined) throw lost(target.session, own, cause);
  throw new ApiStatus(`exec in ${target.pod}`, codes[reason ?? ''] ?? 500, {
    message,
    ...(reason !== undefined && { reason }),
  });
}

/** The HTTP status that goes with a reason, of those that an exec meets. */
const codes: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
};

/**
 * What the program says of itself is the error's to tell, and not the command's standard error. A program that ends well
 * says nothing: what looks like it is the command's then.
 */
function withoutOwnWords(exitCode: Promise<number | undefined>): {
  readonly stream: Transform;
  readonly own: Promise<string>;
} {
  let held = Buffer.alloc(0);
  let timer: NodeJS.Timeout | undefined;
  let tell: (own: string) => void = () => {};
  const own = new Promise<string>((resolve) => (tell = resolve));
  const release = () => {
    clearTimeout(timer);
    if (held.length > 0) stream.push(held);
    held = Buffer.alloc(0);
  };
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      clearTimeout(timer);
      const all = Buffer.concat([held, chunk]);
      const lastLine = all.lastIndexOf(0x0a, all.length - 2) + 1;
      held = ownWords.test(all.subarray(lastLine).toString('utf8'))
        ? all.subarray(lastLine)
        : Buffer.alloc(0);
      if (held.length > 0) timer = setTimeout(release, heldFor);
      done(null, all.subarray(0, all.length - held.length));
    },
    flush(done) {
      clearTimeout(timer);
      void exitCode.then((code) => {
        if (code === 0) release();
        tell(held.toString('utf8').trim());
        done();
      });
    },
  });
  stream.once('close', () => tell(''));
  return { stream, own };
}
