// Copies what has landed in /credentials into the home, which is in memory, too. A file is replaced at once, so that
// no reader sees half of it; what no longer lands is removed. Of the files that the agent writes as well, the keys
// that kept.json names live on the volume, and are put over what lands. `adopt-credentials.mjs keep` only keeps them;
// `adopt-credentials.mjs asked` waits for the line `adopt` on stdin, copies what the home does not have, and answers
// `adopted`.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const { HOME: home, PAUDE_CREDENTIALS, PAUDE_FILES, PAUDE_RUN, PAUDE_VOLUME } = process.env;
const credentials = PAUDE_CREDENTIALS || '/credentials';
const files = PAUDE_FILES || '/usr/libexec/paude';
const run = PAUDE_RUN || '/run/paude';
const keptFile = join(PAUDE_VOLUME || '/pvc', 'home', 'kept.json');
/** What the user's own files said of those keys when they were last put into the home, by file. In memory. */
const landedKeys = join(run, 'landed-keys.json');
/** For each file, the keys that are kept. */
const keptKeys = readJson(join(files, 'kept.json')) ?? {};
/** Folders that are links to the volume. Nothing of the user's may come to lie there. */
const lasting = readFileSync(join(files, 'lasting'), 'utf8').split('\n').filter(Boolean);
process.umask(0o077);
/** What has landed as a link, and where it leads. */
const links = new Map();
/** Folders that are known to be the home's own. */
const made = new Set(['.']);

// Who asked is told in a sentence.
process.on('uncaughtException', ({ message }) => {
  process.stderr.write(`paude: ${message}\n`);
  process.exit(1);
});

const [, , mode] = process.argv;
if (mode === 'keep') keep();
else if (mode !== 'asked') adopt();
else {
  process.stdin.once('data', (question) => {
    if (question.toString() !== 'adopt\n') throw new Error('unknown question');
    adopt(true);
    process.stdout.write('adopted\n', () => process.exit());
  });
}

function adopt(onlyNew = false) {
  keep();
  // Last what a session can do without.
  for (const part of ['login', 'tokens', 'config']) adoptPart(part, onlyNew);
  for (const path of Object.keys(keptKeys)) merge(path);
}

/** A landing may put another one in its place while it is copied: then that one is. */
function adoptPart(part, onlyNew) {
  const link = join(credentials, part);
  if (!existsSync(link)) return;
  const note = join(run, `adopted-${part}`);
  // What of this part is in the home, each path a row of JSON.
  const [adopted, ...rows] = existsSync(note) ? readFileSync(note, 'utf8').split('\n') : [];
  const inHome = new Set(rows.filter(Boolean));
  for (let tries = 1; ; tries++) {
    const landed = realpathSync(link);
    try {
      const digest = readFileSync(join(landed, 'digest'), 'utf8').trim();
      if (onlyNew && digest === adopted && !digest.startsWith('incomplete')) return;
      const present = copyPart(landed, inHome);
      if (realpathSync(link) !== landed) throw new Error(`${part} changed while it was copied`);
      return replace(note, `${[digest, ...present].join('\n')}\n`);
    } catch (error) {
      if (tries === 5 || realpathSync(link) === landed) throw error;
    }
  }
}

function copyPart(landed, inHome) {
  const paths = below(join(landed, 'home'), '').filter(
    (path) => !lasting.some((one) => `${path}/`.startsWith(`${one}/`)),
  );
  const present = new Set(paths.map((path) => JSON.stringify(path)));
  // First, for what lands may lead elsewhere by then: a folder that is a link now.
  for (const row of inHome) if (!present.has(row)) remove(JSON.parse(row));
  for (const row of present) inHome.add(row);
  for (const path of paths) copy(join(landed, 'home', path), path);
  return present;
}

/** What stands there no more, or in a folder that is none of the home's own, is somebody else's by now. */
function remove(path) {
  const folder = dirname(path);
  if (!isOwnFolder(folder)) return;
  const stats = lstatSync(join(home, path), { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory()) rmSync(join(home, path));
}

function isOwnFolder(folder) {
  if (folder === '.') return true;
  if (!isOwnFolder(dirname(folder))) return false;
  return lstatSync(join(home, folder), { throwIfNoEntry: false })?.isDirectory() === true;
}

function below(root, folder) {
  const entries = existsSync(root) ? readdirSync(join(root, folder), { withFileTypes: true }) : [];
  return entries.flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return below(root, path);
    if (entry.isSymbolicLink()) links.set(join(root, path), readlinkSync(join(root, path)));
    return [path];
  });
}

function copy(source, path) {
  const target = join(home, path);
  const folder = dirname(path);
  makeFolder(folder);
  const next = join(home, folder, `.paude-${process.pid}`);
  const link = links.get(source);
  if (link !== undefined) symlinkSync(link, next);
  // What the agent writes as well comes last, merged.
  else if (path in keptKeys) writeMerged(readJson(source), path, next);
  else copyFileSync(source, next);
  try {
    renameSync(next, target);
  } catch (error) {
    if (error.code !== 'EISDIR') throw error;
    rmSync(target, { recursive: true });
    renameSync(next, target);
  }
}

/** Folders of the home's own: a link in a folder's place could lead to the volume. */
function makeFolder(folder) {
  if (made.has(folder)) return;
  makeFolder(dirname(folder));
  const path = join(home, folder);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) {
    if (stats !== undefined) rmSync(path);
    mkdirSync(path, { mode: 0o700 });
  }
  made.add(folder);
}

// --- the keys that are kept ----------------------------------------------------------------------------------

/** What the home has otherwise than it was put there is the session's own. */
function keep() {
  const before = readJson(keptFile) ?? {};
  const landed = readJson(landedKeys) ?? {};
  const now = { ...before };
  for (const [path, keys] of Object.entries(keptKeys)) {
    const json = readJson(join(home, path));
    if (json === undefined) continue;
    const skeleton = readJson(join(files, 'skeleton', path)) ?? {};
    for (const key of keys) {
      const value = at(json, key);
      // What the session has not changed is not its own, and nothing of the user's is for the volume.
      if (
        value === undefined ||
        isSame(value, at(landed[path] ?? {}, key)) ||
        isSame(value, at(skeleton, key))
      )
        continue;
      now[path] = over(now[path], nested(key, value));
    }
  }
  if (isSame(now, before)) return;
  mkdirSync(dirname(keptFile), { recursive: true });
  replace(keptFile, format(now));
}

/** For the home; and what it says of the kept keys is noted, so that a later change of it can be told from the user's. */
function writeMerged(json, path, next) {
  const said = keptKeys[path].map((key) => nested(key, at(json ?? {}, key)));
  replace(landedKeys, format({ ...readJson(landedKeys), [path]: said.reduce(over, {}) }));
  writeFileSync(next, format(merged(json, path)), { mode: 0o600 });
}

/** Where nothing has landed, the session's own file has the kept keys, too. */
function merge(path) {
  const present = readJson(join(home, path));
  const wanted = merged(present, path);
  if (isSame(present, wanted)) return;
  makeFolder(dirname(path));
  replace(join(home, path), format(wanted));
}

/** What landed, under the answers that every session begins with, under what the session has kept. */
function merged(json, path) {
  return over(over(json, readJson(join(files, 'skeleton', path))), (readJson(keptFile) ?? {})[path]);
}

/** Lists are taken whole. */
function over(below, above) {
  if (above === undefined) return below ?? {};
  if (!isObject(below) || !isObject(above)) return above;
  const keys = [...new Set([...Object.keys(below), ...Object.keys(above)])];
  return Object.fromEntries(
    keys.map((key) => [key, key in below ? over(below[key], above[key]) : above[key]]),
  );
}

function nested(key, value) {
  return value === undefined ? {} : key.reduceRight((inner, name) => ({ [name]: inner }), value);
}

function at(json, key) {
  return key.reduce(
    (inner, name) => (isObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined),
    json,
  );
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readJson(path) {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function format(json) {
  return `${JSON.stringify(json, null, 2)}\n`;
}

function replace(path, text) {
  const next = `${path}.${process.pid}`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, path);
}
