import { parseJson, type Json } from './json-keys.ts';
import { readStable } from './read-stable.ts';

/** A file that holds a JSON object; undefined where it does not, or where there is none. */
export async function readJson(path: string): Promise<Json | undefined> {
  const reading = await readStable(path);
  return reading.type === 'content' ? parseJson(reading.files[0]!.content) : undefined;
}
