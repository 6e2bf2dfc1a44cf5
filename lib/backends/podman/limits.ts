import { existsSync } from 'node:fs';
import { PaudeError } from '../../errors.ts';
import type { SessionSpec } from '../../session/session.ts';
import type { Limits } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** Present where the one hierarchy of cgroup v2 is the only one (cgroups(7)). */
const unifiedGroups = '/sys/fs/cgroup/cgroup.controllers';

const kinds = new WeakMap<Podman, Promise<string>>();

/** `ROOTLESS CGROUPS`, as podman describes itself. Of all that podman is asked it takes the longest: it is asked once. */
function kindOf(podman: Podman, signal: AbortSignal): Promise<string> {
  const known = kinds.get(podman) ?? describe(podman, signal);
  kinds.set(podman, known);
  known.catch(() => kinds.delete(podman));
  return known;
}

async function describe(podman: Podman, signal: AbortSignal): Promise<string> {
  const format = '{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}}';
  const found = await podman.run(['info', '--format', format], { signal });
  if (found.exitCode !== 0) throw podmanError('describe itself', '', found.stderr);
  return found.stdout.trim();
}

/**
 * Whether Podman can limit memory and processes here; rootless on cgroup v1 it can't (podman-run(1)). One of this very
 * machine, with cgroup v2, can, whoever it runs as, and is not asked.
 */
export async function canLimit(podman: Podman, signal: AbortSignal): Promise<boolean> {
  const { CONTAINER_HOST, CONTAINER_CONNECTION } = podman.env;
  const isHere =
    process.platform === 'linux' && CONTAINER_HOST === undefined && CONTAINER_CONNECTION === undefined;
  return (isHere && existsSync(unifiedGroups)) || (await kindOf(podman, signal)) !== 'true v1';
}

/** What a session is limited to. Throws LIMITS_UNSUPPORTED where a named limit can't be had. */
export async function limitsOf(
  podman: Podman,
  spec: SessionSpec,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<Limits> {
  if (await canLimit(podman, signal)) return { supported: true };
  const { memory, cpus, pids } = spec.description;
  const named = Object.entries({ memory, cpus, pids }).flatMap(([key, value]) =>
    value === undefined ? [] : [`--${key}`],
  );
  if (named.length > 0) {
    throw new PaudeError(
      'LIMITS_UNSUPPORTED',
      `rootless Podman on cgroup v1 can't limit: ${named.join(', ')}`,
      {
        hint: `leave out ${named.join(', ')}, or change the machine to cgroup v2`,
      },
    );
  }
  notice('the session has no limits on memory and processes: rootless Podman on cgroup v1 has none');
  return { supported: false };
}
