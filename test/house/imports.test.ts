import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';

const test = suite('house');
const lib = fileURLToPath(new URL('../../lib/', import.meta.url));
const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const groundFloor = ['errors.ts', 'names.ts', 'tunnel.ts', 'framing.ts', 'printable.ts', 'waiting.ts'];
const wiring = [
  'app.ts',
  'helper-ports.ts',
  'home-ports.ts',
  'image-checks.ts',
  'image-ports.ts',
  'image-recipes.ts',
  'image-ways.ts',
  'network-ports.ts',
  'place-ports.ts',
  'pull-secrets.ts',
];
/** Programs' packages that only one room may know. */
const guarded: Readonly<Record<string, string>> = {
  execa: 'backends',
  ws: 'backends',
  'js-yaml': 'backends',
  'socks-proxy-agent': 'backends',
  '@kubernetes/client-node': 'backends',
  'simple-git': 'git',
  cosmiconfig: 'config',
  valibot: 'config',
  cac: 'cli',
};

/** The rooms and what they may import, as lib/README.md says it. */
function table(): ReadonlyMap<string, readonly string[]> {
  const rows = readFileSync(join(lib, 'README.md'), 'utf8').matchAll(/^\| `(\w+)\/` \|[^|]*\| ([^|]+) \|$/gm);
  return new Map([...rows].map(([, room, allowed]) => [room!, allowed!.split(', ')]));
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(lib, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name!);
}

/** Of `cosmiconfig/dist/Explorer.js`, cosmiconfig. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

function roomOf(file: string): string {
  return file.includes('/') ? file.split('/')[0]! : file;
}

test('each room imports only what the table allows', () => {
  const rooms = table();
  assert.ok(rooms.size >= 11, 'the table is read');
  const wrong: string[] = [];
  for (const file of files) {
    const room = roomOf(file);
    if (wiring.includes(room)) continue;
    const allowed = groundFloor.includes(room) ? ['ground floor'] : rooms.get(room);
    assert.ok(allowed, `${room} stands in the table`);
    for (const name of importsOf(file).filter((text) => text.startsWith('.'))) {
      const target = roomOf(relative(lib, join(lib, dirname(file), name)));
      const kind = groundFloor.includes(target) ? 'ground floor' : target;
      if (target !== room && !allowed.includes(kind)) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.equal(wrong, []);
});

test('limits of time are those of waiting.ts: Node’s own may never end', () => {
  const wrong = files.filter(
    (file) => file !== 'waiting.ts' && readFileSync(join(lib, file), 'utf8').includes('AbortSignal.timeout'),
  );
  assert.equal(wrong, []);
});

test('some packages are known to one room only', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file).flatMap((name) =>
      (guarded[packageOf(name)] ?? roomOf(file)) !== roomOf(file) ? [`${file}: ${name}`] : [],
    ),
  );
  assert.equal(wrong, []);
});

test('the function cosmiconfig() is not called: it runs what it finds in the current folder', () => {
  const wrong = files.filter((file) =>
    /import (?!type )[^;]*from 'cosmiconfig'|import\('cosmiconfig'\)/.test(
      readFileSync(join(lib, file), 'utf8'),
    ),
  );
  assert.equal(wrong, []);
});

test('no file is longer than 250 lines, prints by itself, or ends the process', () => {
  const wrong = files.flatMap((file) => {
    const text = readFileSync(join(lib, file), 'utf8');
    const faults = [];
    if (text.split('\n').length > 251) faults.push(`${file} is too long`);
    if (/\bconsole\.\w+\(/.test(text)) faults.push(`${file} prints`);
    if (file !== 'cli/main.ts' && /process\.exit\(/.test(text)) faults.push(`${file} exits`);
    if (/\bprocess\.env\b/.test(text) && !['app.ts', 'cli/main.ts'].includes(file))
      faults.push(`${file} reads process.env`);
    return faults;
  });
  assert.equal(wrong, []);
});

test.run();
