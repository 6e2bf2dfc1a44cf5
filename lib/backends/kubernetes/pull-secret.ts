import type { V1PodSpec, V1Secret } from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import type { PullSecret, SessionSpec } from '../../session/session.ts';
import { objectName } from './objects.ts';

/** Holds that one registry's entry, as nodes read it (kubernetes.io/dockerconfigjson), and goes with the session. */
export function pullSecretOf(
  { registry, username, password }: Exclude<PullSecret, { name: string }>,
  session: SessionName,
  labels: Readonly<Record<string, string>>,
): V1Secret {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: pullSecretName(session), labels },
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [registry]: { auth } } })).toString(
        'base64',
      ),
    },
  };
}

export function pullSecretName(session: SessionName): string {
  return `${objectName(session)}-pull`;
}

/** With what login a session's pods get their images. */
export function pullSecretsOf({ name, pullSecret }: SessionSpec): Pick<V1PodSpec, 'imagePullSecrets'> {
  if (pullSecret === undefined) return {};
  return { imagePullSecrets: [{ name: 'name' in pullSecret ? pullSecret.name : pullSecretName(name) }] };
}
