import { createHash } from 'node:crypto';
import { newArchive, type TarEntry } from '../../lib/credentials/tar.ts';
import type { Credentials, Part } from '../../lib/session/credentials.ts';

export type Texts = Readonly<Record<string, string>>;

export function archiveOf(entries: readonly TarEntry[]): Buffer {
  const archive = newArchive(0);
  for (const entry of entries) archive.add(entry);
  return archive.end();
}

/** Credentials of these files, as lib/credentials would make them of a home; in `login`, those of a shell, too. */
export function handMade(login: Texts, config: Texts): Credentials {
  const parcel = (part: Part, texts: Texts) => {
    const entries = Object.entries(texts).map(([path, text]) => ({ path, content: Buffer.from(text) }));
    const body = archiveOf(entries);
    const digest = createHash('sha256').update(body).digest('hex');
    return { part, digest, body, notices: [], incomplete: false };
  };
  const inHome = (wanted: boolean): Texts =>
    Object.fromEntries(Object.entries(login).filter(([path]) => path.startsWith('home/') === wanted));
  const parts = { login: inHome(false), tokens: inHome(true), config };
  return {
    parcel: async (part) => parcel(part, parts[part]),
    loginEnds: async () => undefined,
    missingLogin: async () => undefined,
  };
}
