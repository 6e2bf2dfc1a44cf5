import { isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { deferred } from '../waiting.ts';
import type { Backend, StartOptions, StartPhase } from './backend.ts';
import type { EnsureImage } from './create-session.ts';
import type { Report } from './events.ts';

/** What it takes to run what a backend runs. */
export interface BackendPorts {
  readonly backend: Backend;
  readonly ensureImage: EnsureImage;
  readonly ensureProxyImage: EnsureImage;
}

/** Starts what the backend runs, and nothing more; builds the image again when it was pruned. */
export async function startBackend(
  { backend, ensureImage, ensureProxyImage }: BackendPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
  { onPhase, ...options }: StartOptions & { readonly onPhase?: (phase: StartPhase) => void } = {},
): Promise<void> {
  const run = async () => {
    for await (const phase of backend.start(name, signal, options)) {
      report({ type: 'step', text: phase.text });
      onPhase?.(phase);
    }
  };
  try {
    await run();
  } catch (error) {
    if (!isPaudeError(error, 'IMAGE_MISSING')) throw error;
    const session = await backend.get(name, signal);
    if (session === undefined) throw error;
    const { description, egress } = session;
    assertSame(name, session.image, await ensureImage(description, report, signal), error);
    if (egress !== undefined)
      assertSame(name, egress.image, await ensureProxyImage(description, report, signal), error);
    await run();
  }
}

function assertSame(name: SessionName, gone: string, image: string, cause: unknown): void {
  if (image === gone) return;
  throw new PaudeError(
    'IMAGE_MISSING',
    `the image ${gone} of the session ${name} is gone, and the same description now gives ${image}`,
    { hint: `podman tag ${image} ${gone}`, cause },
  );
}

/** The error of a start that somebody else's command has overtaken. */
export function overtaken(name: SessionName, how: 'removed' | 'stopped', cause?: unknown): PaudeError {
  return new PaudeError('SESSION_FAILED', `the session ${name} was ${how} while it was started`, {
    hint: `git paude start ${name}`,
    cause,
  });
}

/** A start that goes on, and what of it can be spoken to already. Each rejects as the start does. */
export interface Starting {
  readonly proxy: Promise<void>;
  readonly session: Promise<void>;
  readonly done: Promise<void>;
  /** Whether what runs now was begun by it, and did not run before. */
  readonly hasBegun: () => boolean;
}

/** Begins a start, so that others can work beside it. */
export function beginStart(
  ports: BackendPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
): Starting {
  const [proxy, session] = [deferred(), deferred()];
  let hasBegun = false;
  const onPhase = ({ runs, begun }: StartPhase) => {
    hasBegun ||= begun === true;
    if (runs === 'proxy') proxy.resolve();
    if (runs === 'session') session.resolve();
  };
  const done = startBackend(ports, name, report, signal, { onPhase });
  done.then(
    () => [proxy, session].forEach(({ resolve }) => resolve()),
    (error: unknown) => [proxy, session].forEach(({ reject }) => reject(error)),
  );
  const all = { proxy: proxy.promise, session: session.promise, done };
  // Who waits for one hears of it; nobody need wait for all.
  for (const one of Object.values(all)) one.catch(() => undefined);
  return { ...all, hasBegun: () => hasBegun };
}
