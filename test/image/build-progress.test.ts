import * as assert from 'uvu/assert';
import { buildProgress } from '../../lib/image/build-progress.ts';
import { durationText, quarterly } from '../../lib/session/progress-text.ts';
import { suite } from '../harness/suite.ts';

const test = suite('progress of a build');

/** As apt 3.0 of Debian 13 writes it, and our own script. */
const said = `STEP 2/2: RUN apt-get update -qq && apt-get install -y -q less jq
Reading package lists...
Get:9 http://deb.debian.org/debian trixie/main amd64 Packages [9669 kB]
0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.
Need to get 1,868 kB/2.1 MB of archives.
After this operation, 4239 kB of additional disk space will be used.
Get:1 http://deb.debian.org/debian trixie/main amd64 less amd64 668-1 [161 kB]
Get:2 http://deb.debian.org/debian trixie/main amd64 libonig5 amd64 6.9.9-1+b1 [189 kB]
Get:3 http://deb.debian.org/debian trixie/main amd64 openssl amd64 3.5.9-1~deb13u1 [1,518 kB]
Fetched 1868 kB in 0s (50.3 MB/s)
Unpacking less (668-1) ...
fetched  bytes of npm
fetched 36172433 bytes of npm`;

test('the bytes that it has fetched, of packages as soon as it is known how many there are', () => {
  const progress = buildProgress();
  const moved = said.split('\n').flatMap((line) => progress(line) ?? []);
  const packages = [0, 161_000, 350_000, 1_868_000].map((done) => [done, 1_868_000]);
  assert.equal(
    moved.map(({ done, total }) => [done, total]),
    [...packages, [36_172_433, undefined]],
  );
});

test('off a terminal each amount has its own quarters', () => {
  const further = quarterly();
  const told = [
    [25, 100],
    [100, 100],
    [50, 200],
    [60, 200],
  ].map(([done, total]) => further({ type: 'progress', done: done! * 1e6, total: total! * 1e6, unit: 'B' }));
  assert.equal(told, ['25 MB of 100 MB', '100 MB of 100 MB', '50 MB of 200 MB', undefined]);
});

test('a time in words', () => {
  assert.equal([8400, 60_000, 125_900].map(durationText), ['8 s', '1 min 0 s', '2 min 5 s']);
});

test.run();
