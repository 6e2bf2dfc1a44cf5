import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openCluster } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { imagePorts, type ImageParts } from '../../lib/image-ports.ts';
import { clusterEnv, testCluster } from '../harness/cluster-world.ts';

export type User = 'certificate' | 'token' | 'confined';

export interface Otherwise extends Partial<Pick<ImageParts, 'published'>> {
  /** What Podman has in its environment besides. */
  readonly podmanEnv?: NodeJS.ProcessEnv;
}

/** The images of a user with these settings, in the namespace paude-plain; `home` has the logins. */
export async function portsOf(
  home: string,
  user: User,
  values: Readonly<Record<string, unknown>>,
  { podmanEnv, ...parts }: Otherwise = {},
) {
  const env = { ...clusterEnv(user), REGISTRY_AUTH_FILE: '' };
  const cluster = await openCluster({ env, interactive: false, context: 'plain', namespace: 'paude-plain' });
  const settings = async () => ({
    values: { 'ca-file': join(testCluster.state, 'pki/ca.crt'), ...values },
    origins: {},
  });
  const podman = async () => podmanProgram({ ...process.env, ...podmanEnv });
  const images = imagePorts({ env, home, settings, podman, agree: async () => undefined, ...parts });
  return { cluster, images };
}

/** The error of ours by which something ends. */
export async function refusal(work: Promise<unknown>): Promise<Error & { code: string; hint: string }> {
  const error = await work.then(
    () => assert.unreachable('it is refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(isPaudeError(error), String(error));
  return error as never;
}

/** What was sent to a registry. */
export const uploads = (log: readonly string[]) => log.filter((line) => /^(POST|PATCH|PUT)/.test(line));
