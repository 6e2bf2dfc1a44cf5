import type { KeyPath } from '../agents/agent.ts';
import type { Refusal } from './plan.ts';

export type Json = { [key: string]: unknown };

/**
 * A JSON object, undefined where it is none. What a parser says of a text quotes the text, which may be a secret:
 * nobody gets to see it.
 */
export function parseJson(content: Buffer | string): Json | undefined {
  try {
    const value: unknown = JSON.parse(content.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A file of JSON as it is. What is none is being written just then. */
export function wholeJson(content: Buffer): Buffer | Refusal {
  return parseJson(content) === undefined ? { why: "it can't be read as JSON", keepsOld: true } : content;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(json: Json, path: KeyPath): unknown {
  let value: unknown = json;
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** Only these keys of it. */
export function onlyKeys(json: Json, paths: readonly KeyPath[]): Json {
  const kept: Json = {};
  for (const path of paths) {
    const value = valueAt(json, path);
    if (value === undefined) continue;
    let place = kept;
    for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as Json;
    place[path.at(-1)!] = value;
  }
  return kept;
}

/** All of it but this key. */
export function withoutKey(json: Json, [key = '', ...rest]: KeyPath): Json {
  const value = json[key];
  if (rest.length === 0) return Object.fromEntries(Object.entries(json).filter(([name]) => name !== key));
  return isObject(value) ? { ...json, [key]: withoutKey(value, rest) } : json;
}

/** All of it but what a pattern names, however deep. */
export function withoutKeys(value: unknown, names: RegExp): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutKeys(item, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      names.test(key) ? [] : [[key, withoutKeys(item, names)]],
    ),
  );
}

export function formatJson(json: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(json, null, 2)}\n`);
}
