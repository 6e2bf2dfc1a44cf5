import * as assert from 'uvu/assert';
import { PassThrough, Readable } from 'node:stream';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { createSession } from '../../lib/session/create-session.ts';
import { execInSession } from '../../lib/session/exec-in-session.ts';
import { startSession, type StartPorts } from '../../lib/session/start-session.ts';
import type { Description } from '../../lib/session/session.ts';
import { noNetwork } from '../harness/no-network.ts';
import type { Try, WayOut } from './ways-out.ts';

export const tries = readFileSync(fileURLToPath(new URL('tries.py', import.meta.url)), 'utf8');

export const never = new AbortController().signal;

export interface Images {
  readonly session: string;
  readonly proxy: string;
}

/** Sessions with a network that is filtered, on a backend: what the program does, without its command line. */
export class FilteredSessions {
  readonly notices: string[] = [];
  readonly ports: StartPorts;
  readonly backend: Backend;

  constructor(backend: Backend, images: Images, agentHosts: readonly string[] = []) {
    this.backend = backend;
    this.ports = {
      ...noNetwork,
      backend,
      ensureImage: async () => images.session,
      ensureProxyImage: async () => images.proxy,
      network: { ...noNetwork.network, agentHosts: async () => agentHosts },
      credentials: undefined,
    };
  }

  readonly #report: Parameters<typeof startSession>[2] = (event) => {
    if (event.type === 'notice') this.notices.push(event.text);
  };

  async create(name: SessionName, more: Partial<Description> = {}): Promise<void> {
    const description = {
      agent: 'claude',
      agentArgs: [],
      packages: [],
      yolo: false,
      allowNetwork: false,
      ...more,
    };
    await createSession(this.ports, { name, description }, this.#report, never);
  }

  async start(name: SessionName): Promise<void> {
    await startSession(this.ports, name, this.#report, never);
  }

  async run(
    name: SessionName,
    command: readonly string[],
    input = '',
  ): Promise<{ code: number; out: string; err: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const [out, err] = [stdout.toArray(), stderr.toArray()];
    const streams = { stdin: Readable.from([input]), stdout, stderr };
    const code = await execInSession(this.backend, name, command, streams, never);
    for (const stream of [stdout, stderr]) stream.end();
    return { code, out: Buffer.concat(await out).toString(), err: Buffer.concat(await err).toString() };
  }

  async try(name: SessionName, all: readonly Try[]): Promise<readonly (string | null)[]> {
    const { out, err } = await this.run(name, ['python3', '-c', tries], JSON.stringify(all));
    assert.ok(out !== '', err);
    return JSON.parse(out) as (string | null)[];
  }

  /** Every way out of a session must be closed although its target answers where nothing filters. */
  async assertClosed(
    name: SessionName,
    ways: readonly WayOut[],
    outside: (all: readonly Try[]) => Promise<readonly (string | null)[]>,
  ): Promise<void> {
    const inner = await this.try(
      name,
      ways.map((way) => way.inside),
    );
    const targets = [
      ...new Map(ways.map(({ outside: target }) => [JSON.stringify(target), target])).values(),
    ];
    const answers = await outside(targets);
    const there = new Map(targets.map((target, index) => [JSON.stringify(target), answers[index] !== null]));
    const open = ways.flatMap((way, index) =>
      inner[index] === null ? [] : [`${way.name}: ${inner[index]!.slice(0, 200)}`],
    );
    assert.equal(open, [], 'ways that are open');
    const absent = ways.flatMap((way) => (there.get(JSON.stringify(way.outside)) ? [] : [way.name]));
    assert.equal(absent, [], 'ways whose target answers nobody, so that nothing is shown');
  }
}
