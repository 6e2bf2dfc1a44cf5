import * as assert from 'uvu/assert';
import { podmanBackend } from '../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { sessionName } from '../../lib/names.ts';
import { podmanSkip, testImage, testProxyImage } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { FilteredSessions, never } from './session-ports.ts';

const test = suite('a machine with a proxy of its own');

test.skipIf(podmanSkip)('the login to it is in no container of a filtered session', async () => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY'];
  const url = 'http://me:secret@proxy.corp.invalid:3128';
  const own = [...names, ...names.map((name) => name.toLowerCase())].map((name) => [name, url]);
  const program = podmanProgram({ ...process.env, ...Object.fromEntries(own) });
  const backend = podmanBackend(program, 'tester');
  const sessions = new FilteredSessions(backend, { session: testImage, proxy: testProxyImage });
  const name = sessionName(`machine-proxy-${process.pid}`);
  try {
    await sessions.create(name);
    await sessions.start(name);
    for (const container of [`paude-${name}`, `proxy-paude-${name}`]) {
      const { stdout } = await program.run(['inspect', container], { signal: never });
      assert.match(stdout, '"PATH=');
      assert.not.match(stdout, 'secret', container);
    }
  } finally {
    await backend.remove(name, never);
  }
});

test.run();
