import { PaudeError } from '../errors.ts';

/** A registry, and the path below which images are pushed there. */
export interface RegistryName {
  /** As references have it: `quay.io`, `registry.example.com:5000`. */
  readonly host: string;
  /** Empty, or with a slash at its end: `me/`. */
  readonly path: string;
}

/** A reference to an image. */
export interface Reference {
  readonly host: string;
  readonly name: string;
  /** A tag, or a digest with its algorithm. */
  readonly version: string;
}

const hostPattern =
  /^(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?=:\d))(:\d{1,5})?$/;
/** Distribution specification, "Pulling manifests": the names of repositories. */
const partPattern = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;

/** Reads `quay.io/me`; a leading `https://` and slashes at the end are accepted. Throws USAGE. */
export function registryName(text: string): RegistryName {
  const [host = '', ...parts] = text
    .replace(/^https:\/\//, '')
    .replace(/\/+$/, '')
    .split('/');
  if (!hostPattern.test(host) || parts.some((part) => !partPattern.test(part))) {
    throw new PaudeError('USAGE', `${JSON.stringify(text)} is not a registry and a path in it`, {
      hint: '--openshift-registry=quay.io/myuser',
    });
  }
  return { host, path: parts.map((part) => `${part}/`).join('') };
}

/** Reads a reference; without a host it is one of Docker Hub's, without a version the tag `latest`. Throws USAGE. */
export function reference(text: string): Reference {
  const [, path = '', tag, digest] =
    /^(.+?)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(text) ?? [];
  const [first = '', ...rest] = path.split('/');
  const hasHost = rest.length > 0 && (first === 'localhost' || /[.:]/.test(first));
  const host = hasHost ? first : 'docker.io';
  const plain = hasHost ? rest.join('/') : path;
  const name = host === 'docker.io' && !plain.includes('/') ? `library/${plain}` : plain;
  if (!hostPattern.test(host) || !name.split('/').every((part) => partPattern.test(part)))
    throw new PaudeError('USAGE', `${JSON.stringify(text)} is not a reference to an image`);
  return { host, name, version: digest ?? tag ?? 'latest' };
}

/** Where a registry is spoken with: Docker Hub has another name for that. */
export function originOf(host: string): URL {
  return new URL(`https://${host === 'docker.io' ? 'registry-1.docker.io' : host}`);
}
