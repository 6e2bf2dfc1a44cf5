import { PaudeError, type ErrorCode } from '../../errors.ts';

/** What podman 4.3 says, and what it means. The first match counts. */
const meanings: readonly {
  readonly said: RegExp;
  readonly code: ErrorCode;
  readonly hint?: (name: string) => string;
}[] = [
  { said: /no space left on device|disk quota exceeded/i, code: 'DISK_FULL', hint: () => 'podman system df' },
  {
    said: /unable to connect to Podman|connection refused|Cannot connect|dial unix|is the podman service running/i,
    code: 'BACKEND_UNREACHABLE',
    hint: () => 'podman machine start, or look at CONTAINER_HOST: podman system connection list',
  },
  {
    said: /can only create exec sessions on running containers|container state improper|is not running|container is not in running state/i,
    code: 'SESSION_STOPPED',
    hint: (name) => `git paude start ${name}`,
  },
  {
    said: /no such container|no container with name or ID/i,
    code: 'SESSION_UNKNOWN',
    hint: (name) => `git paude list, or git paude create ${name}`,
  },
  { said: /image not known|no such image/i, code: 'IMAGE_MISSING' },
];

const sentences: Partial<Record<ErrorCode, (name: string) => string>> = {
  SESSION_STOPPED: (name) => `the session ${name} is stopped`,
  SESSION_UNKNOWN: (name) => `there is no session ${name}`,
};

/** podman exec exits with 125 when it failed itself, and 255 where the container does not run (podman-exec(1)). */
export function isPodmans(said: string, exitCode: number): boolean {
  return exitCode === 125 || (exitCode > 125 && meanings.some((entry) => entry.said.test(said)));
}

/** Turns what podman said when it failed to do `what` for a session into an error of ours. */
export function podmanError(what: string, name: string, said: string): PaudeError {
  const text = said.trim().replace(/^Error: /, '');
  const meaning = meanings.find((entry) => entry.said.test(text));
  const code = meaning?.code ?? 'BACKEND_FAILED';
  const sentence = sentences[code]?.(name) ?? `podman could not ${what}: ${text || 'it said nothing'}`;
  const hint = meaning?.hint?.(name);
  return new PaudeError(code, sentence, hint === undefined ? { cause: said } : { hint, cause: said });
}
