import { distance } from 'fastest-levenshtein';
import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { PaudeError } from '../errors.ts';
import { printable } from '../printable.ts';
import { options } from './options.ts';

/** The keys of a settings file, and where each value stands: `line:column`. */
export interface ParsedSettings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly places: ReadonlyMap<string, string>;
}

/** Reads JSON with comments and trailing commas. Throws CONFIG_INVALID with the line and column. */
export function parseSettings(path: string, text: string): ParsedSettings {
  const place = (offset: number) => `${path}:${position(text, offset)}`;
  const root = treeOf(path, text, place);
  if (root.type !== 'object') throw invalid(`${place(root.offset)}: the settings are not an object`);
  const values = new Map<string, unknown>();
  const places = new Map<string, string>();
  // From the tree: as an object's key, __proto__ would be lost, and one that stands twice would hide the first.
  for (const { children } of root.children ?? []) {
    const [name, value] = children as [Node, Node];
    const key = String(name.value);
    checkKey(key, place(name.offset));
    if (values.has(key)) throw invalid(`${place(name.offset)}: the setting ${shown(key)} stands here twice`);
    // For editors: it names the schema.
    if (key === '$schema') continue;
    values.set(key, getNodeValue(value));
    places.set(key, position(text, value.offset));
  }
  return { values, places };
}

function treeOf(path: string, text: string, place: (offset: number) => string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch (cause) {
    // The parser calls itself for each bracket.
    if (cause instanceof RangeError) throw invalid(`${path}: the brackets are nested too deep`);
    throw cause;
  }
  const [first] = errors;
  if (first !== undefined) throw invalid(`${place(first.offset)}: ${sentence(first)}`);
  if (root === undefined) throw invalid(`${place(0)}: the file is empty`);
  return root;
}

/** jsonc-parser names its errors in one word: `PropertyNameExpected`. */
function sentence({ error }: ParseError): string {
  return printParseErrorCode(error)
    .replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase();
}

function checkKey(key: string, where: string): void {
  const keys: readonly string[] = options.map((option) => option.key);
  if (key === '$schema' || keys.includes(key)) return;
  // A long stranger is not worth the comparing.
  const near = key.slice(0, 100);
  const nearest = [...keys].sort((a, b) => distance(a, near) - distance(b, near))[0];
  throw new PaudeError('CONFIG_INVALID', `${where}: there is no setting ${shown(key)}`, {
    hint: `the nearest is ${JSON.stringify(nearest)}`,
  });
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

/** A stranger's value for a message: short, and without what moves the cursor or turns the writing around. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return printable(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function invalid(message: string, cause?: unknown): PaudeError {
  return new PaudeError('CONFIG_INVALID', message, {
    hint: 'mend the file; .paude.example.json shows every key',
    cause,
  });
}
