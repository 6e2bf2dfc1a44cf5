import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

/** What systems call their own list of authorities. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/**
 * Whom to believe that it is a registry: those whom Podman believes (the system's authorities, and what
 * containers-certs.d(5) has for the host), and `more`, in PEM.
 */
export async function trustedFor(host: string, home: string, more: readonly string[]): Promise<string[]> {
  const folders = [
    join(home, '.config/containers/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  const [system, own] = await Promise.all([
    Promise.all(bundles.map(text)),
    Promise.all(folders.map((folder) => certificatesIn(join(folder, host)))),
  ]);
  return [...rootCertificates, ...system, ...own.flat(), ...more].filter((pem) => pem !== '');
}

async function certificatesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.filter((name) => name.endsWith('.crt')).map((name) => text(join(folder, name))));
}

async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
