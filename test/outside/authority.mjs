// A certificate authority of the tests' own. The images that are built here trust it as they would a company's: it
// is among the certificates of PAUDE_CA_FILE. Plain Node, for scripts/machine.mjs sets that.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'git-paude');
const folder = join(cache, 'authority');
const [certificate, key] = ['authority.crt', 'authority.key'].map((file) => join(folder, file));

/** A file with the certificates of another one, if there is one, and the authority's. */
export function withAuthority(file) {
  provide();
  const [theirs, ours] = [
    file === undefined ? '' : readFileSync(file, 'utf8'),
    readFileSync(certificate, 'utf8'),
  ];
  if (theirs.includes(ours)) return file;
  const text = `${theirs}\n${ours}`;
  const known = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 16)}.pem`);
  if (!existsSync(known)) {
    writeFileSync(`${known}.${process.pid}`, text);
    renameSync(`${known}.${process.pid}`, known);
  }
  return known;
}

/** Key and certificate of a server with these names, in one PEM. */
export function certificateFor(names) {
  provide();
  const own = mkdtempSync(join(tmpdir(), 'paude-certificate-'));
  try {
    const [pem, theirs] = ['crt', 'key'].map((file) => join(own, file));
    const signed = ['-CA', certificate, '-CAkey', key, '-subj', '/CN=outside', '-days', '9'];
    const is = `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`;
    make([...signed, '-addext', is, '-addext', 'basicConstraints=CA:FALSE', '-keyout', theirs, '-out', pem]);
    return readFileSync(theirs, 'utf8') + readFileSync(pem, 'utf8');
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Made beside and moved into place: of two at once, one stays. */
function provide() {
  if (existsSync(certificate)) return;
  mkdirSync(cache, { recursive: true });
  const next = mkdtempSync(join(cache, 'authority-'));
  const is = ['-subj', '/CN=the tests of git-paude', '-days', '3650', '-addext', 'keyUsage=keyCertSign'];
  make([...is, '-keyout', join(next, 'authority.key'), '-out', join(next, 'authority.crt')]);
  try {
    renameSync(next, folder);
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    if (!existsSync(certificate)) throw error;
  }
}

function make(args) {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const done = spawnSync('openssl', ['req', '-x509', ...kind, ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`openssl: ${done.error?.message ?? done.stderr}`);
}
