import { parseJson, type Json } from './json-keys.ts';
import { namedFile } from './named-file.ts';
import { readStable, refusalOf } from './read-stable.ts';

/** A JSON object, or why there is none. */
export type Found = { readonly json: Json } | { readonly why: string };

/** A file that holds a JSON object; undefined where it does not, or where there is none. */
export async function readJson(path: string): Promise<Json | undefined> {
  const reading = await readStable(path);
  return reading.type === 'content' ? parseJson(reading.files[0]!.content) : undefined;
}

/** The JSON object of a file that is found as namedFile finds it. */
export async function readNamedJson(path: string, folder?: string): Promise<Found> {
  const file = namedFile(path, folder);
  if ('why' in file) return file;
  if (file.source.type === 'unreadable') return file.source;
  const reading = await readStable(file.source.path);
  if (reading.type !== 'content') return refusalOf(reading);
  const json = parseJson(reading.files[0]!.content);
  return json === undefined ? { why: 'it is no JSON object' } : { json };
}
