import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { loadSettings } from '../../lib/config/load-settings.ts';
import { options } from '../../lib/config/options.ts';
import { readSettingsFile } from '../../lib/config/settings-file.ts';
import { trust } from '../../lib/config/trust.ts';
import { documents } from '../../scripts/documents.ts';
import { suite } from '../harness/suite.ts';

const test = suite('copies');

for (const [path, text] of documents()) {
  test(`${path} says what the tables say (npm run docs writes it)`, () => {
    assert.ok(existsSync(path));
    assert.fixture(readFileSync(path, 'utf8'), text);
  });
}

test('.paude.example.json has every key, and is taken as it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paude-example-'));
  try {
    const values = readFileSync('.paude.example.json', 'utf8').replace(/^ {2}"containerfile".*\n/m, '');
    await writeFile(join(folder, '.paude.json'), values);
    const userFolder = join(folder, 'user');
    const file = await readSettingsFile(join(folder, '.paude.json'));
    assert.ok(file);
    await trust(file, folder, userFolder);
    const sources = { flags: new Map(), env: {}, gitConfig: new Map(), topLevel: folder, userFolder };
    const { origins } = await loadSettings(sources);
    for (const { key } of options.filter((option) => option.key !== 'containerfile')) {
      assert.is(origins[key]?.source, 'repository', key);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the README says of each code what helps', () => {
  const codes = [...readFileSync('lib/errors.ts', 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(
    ([, code]) => code!,
  );
  assert.ok(codes.length > 40);
  const readme = readFileSync('README.md', 'utf8');
  assert.equal(
    codes.filter((code) => !readme.includes(`\`${code}\``)),
    [],
  );
});

test.run();
