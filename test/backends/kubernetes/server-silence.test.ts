import * as assert from 'uvu/assert';
import { serverSilence } from '../../../lib/backends/kubernetes/server-silence.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';

const test = suite('an API server that does not answer');
/** Long enough for an answer on a machine that has much to do. */
const listening = { pace: 400, silence: 2000 };

test('one that answers, whatever it says, is there; one that does so no more is told of', async () => {
  let asked = 0;
  await using fake = await fakeServer({
    answer: (_, response) => {
      asked++;
      if (asked <= 3) response.writeHead(asked === 2 ? 403 : 200).end();
    },
  });
  const connection = await connectTo(fake.port);
  const { signal } = new AbortController();
  const { message } = await serverSilence(connection, signal, listening);
  assert.match(message, `127.0.0.1:${fake.port} has not answered for`);
  assert.ok(asked > 4, String(asked));
});

test('one that can’t be reached for a moment, and then is, is there', async () => {
  let asked = 0;
  await using fake = await fakeServer({
    answer: (request, response) => {
      asked++;
      if (asked % 2 === 0) request.socket.destroy();
      else response.writeHead(200).end();
    },
  });
  const connection = await connectTo(fake.port);
  const stopping = new AbortController();
  const silence = serverSilence(connection, stopping.signal, { pace: 200, silence: 60_000 });
  while (asked < 12) await new Promise((resolve) => setTimeout(resolve, 5));
  stopping.abort();
  const end = await silence.then(
    () => 'told',
    () => 'ended',
  );
  assert.is(end, 'ended');
});

test.run();
