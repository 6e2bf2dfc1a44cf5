import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { isPaudeError, PaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { openService, type ServicePorts } from '../../lib/session/open-service.ts';
import { suite } from '../harness/suite.ts';

const test = suite('open service');
const never = new AbortController().signal;

/** A session whose service, each time that it is opened, says this and ends with that code or error, or can't be opened. */
function portsOf(
  ...services: readonly (Error | readonly [said: string, complaint: string, end: number | Error])[]
) {
  const left = [...services];
  const open = async () => {
    const next = left.shift()!;
    if (next instanceof Error) throw next;
    const [said, complaint, end] = next;
    const exit = typeof end === 'number' ? Promise.resolve(end) : Promise.reject(end);
    const [stdin, stdout, stderr] = [
      new PassThrough(),
      Readable.from([said]),
      Readable.from([Buffer.from(complaint)]),
    ];
    return {
      stdin,
      stdout,
      stderr,
      exit,
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
  const ports: ServicePorts = {
    backend: { open } as unknown as Backend,
    autoStart: async () => 'always',
    create: async () => assert.unreachable(),
    start: async () => assert.unreachable(),
    takeLine: async (stream) => {
      const [chunk] = (await once(stream, 'data')) as [string];
      return chunk === '' ? undefined : chunk;
    },
  };
  return { ports, left };
}

const request = { name: sessionName('x'), service: 'receive-pack', options: async () => [] } as const;
const died = new PaudeError('SESSION_DIED', 'the session x ended while a command ran in it');

test('a service that was killed before it said anything, alone or with its container, is opened again', async () => {
  for (const end of [137, 143, died]) {
    const { ports, left } = portsOf(['', '', end], ['paude ready 1', '', 0]);
    assert.is((await openService(ports, request, never)).isBare, false);
    assert.equal(left, []);
  }
});

test('one whose session ended before it said anything is opened again, and a session that was stopped is started', async () => {
  const stopped = new PaudeError('SESSION_STOPPED', 'the session x is stopped');
  const { ports, left } = portsOf(['', '', died], stopped, ['paude ready 1', '', 0]);
  let starts = 0;
  const start = async () => void starts++;
  assert.is((await openService({ ...ports, start }, request, never)).isBare, false);
  assert.equal([left.length, starts], [0, 1]);
});

test('one that is killed each time, and one that ends by itself, are an error', async () => {
  for (const [services, code] of [
    [
      [
        ['', '', 137],
        ['', '', 137],
      ],
      'CONNECTION_LOST',
    ],
    [[['', '', 1]], 'SESSION_FAILED'],
    [[['', 'paude: it is broken', 137]], 'SESSION_FAILED'],
  ] as const) {
    const { ports, left } = portsOf(...services);
    const error = await openService(ports, request, never).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, code), String(error));
    assert.match(error.message, 'the session x did not open its repository: ');
    assert.equal(left, []);
  }
});

test.run();
