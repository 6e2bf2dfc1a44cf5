import type { V1PodSpec, V1Secret } from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import type { OwnPullSecret, SessionSpec } from '../../session/session.ts';
import { objectName } from './objects.ts';

/** Holds those entries alone, as nodes read them (kubernetes.io/dockerconfigjson), and goes with the session. */
export function pullSecretOf(
  { entries }: OwnPullSecret,
  session: SessionName,
  labels: Readonly<Record<string, string>>,
): V1Secret {
  const auths = Object.fromEntries(
    entries.map(({ registry, username, password }) => [
      registry,
      { auth: base64(`${username}:${password}`) },
    ]),
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: pullSecretName(session), labels },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The Secret that holds a session's logins, whether it is made for it or is there. */
export function secretNameOf({ name, pullSecret }: SessionSpec): string | undefined {
  if (pullSecret === undefined) return undefined;
  return 'name' in pullSecret ? pullSecret.name : pullSecretName(name);
}

export function pullSecretName(session: SessionName): string {
  return `${objectName(session)}-pull`;
}

/**
 * With what login one of a session's pods gets its image. A pod that names no secret is given those of its service
 * account, which OpenShift's own registry asks for (ServiceAccount admission).
 */
export function pullSecretsOf(spec: SessionSpec, image: string): Pick<V1PodSpec, 'imagePullSecrets'> {
  if (!spec.pullSecret?.images.includes(image)) return {};
  return { imagePullSecrets: [{ name: secretNameOf(spec)! }] };
}
