import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { transformSync } from 'esbuild';
import { suite } from '../harness/suite.ts';

const test = suite('bin');
const programs = ['git-paude', 'git-remote-paude'];
const source = (name: string) => fileURLToPath(new URL(`../../bin/${name}.ts`, import.meta.url));

for (const name of programs) {
  test(`${name} tells an old Node by its version, and loads nothing`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'paude-bin-'));
    try {
      const { code } = transformSync(readFileSync(source(name), 'utf8'), { loader: 'ts', format: 'esm' });
      writeFileSync(join(folder, 'program.mjs'), code);
      writeFileSync(
        join(folder, 'old.mjs'),
        `Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });
         Object.defineProperty(process, 'version', { value: 'v18.20.4' });
         await import('./program.mjs');`,
      );
      const { status, stderr } = spawnSync(process.execPath, [join(folder, 'old.mjs')], { encoding: 'utf8' });
      assert.is(status, 1);
      assert.is(stderr, 'paude: git-paude needs Node 20.19 or newer, and this is v18.20.4\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test(`${name} imports nothing before it knows the version`, () => {
    const text = readFileSync(source(name), 'utf8');
    assert.ok(text.startsWith('#!/usr/bin/env node\n'));
    assert.not.match(text, /^import\b/m);
    assert.not.match(text, /\?\.|\?\?|`|\bawait\b/);
  });
}

test.run();
