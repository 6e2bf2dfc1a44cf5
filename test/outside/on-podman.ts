import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tries } from '../egress/session-ports.ts';
import type { Surroundings, Try } from '../egress/ways-out.ts';
import { testImage, testProxyImage } from '../harness/podman-world.ts';
import { until } from '../journeys/world.ts';
import { certificateFor } from './authority.mjs';
import {
  companyIsThere,
  companyScript,
  modelPort,
  modelProgram,
  serverProgram,
  type CompanyProxy,
  type Outside,
} from './outside.ts';

const prefix = `paude-test-${process.pid}`;
/** Nobody's on the internet (RFC 5737, RFC 3849), and yet not private; and private ones (RFC 4193). */
const [public4, public6, private6] = ['198.51.100.', '2001:db8:', 'fd5b:7a3d:'];

/**
 * The world outside of sessions on Podman: containers on a network with addresses that are nobody's on the internet
 * and yet not private, a neighbour with private ones, and this machine. Names are given by its own DNS.
 */
export class OutsideOnPodman implements Outside {
  readonly folder = mkdtempSync(join(tmpdir(), 'paude-world-'));
  readonly env: NodeJS.ProcessEnv;
  readonly surroundings: Surroundings;
  /** The one with addresses of both kinds. */
  readonly network = `${prefix}-world`;
  #node: Server | undefined;

  constructor() {
    const block = this.#networks();
    const address = `${public4}${block + 2}`;
    const [address6, inner6] = [public6, private6].map((part) => `${part}${block.toString(16)}::2`);
    writeFileSync(join(this.folder, 'pem'), certificateFor(['*.allowed.test', 'evil.test', '*.evil.test']));
    this.env = { ...process.env, CONTAINERS_CONF: this.#configuration(address) };
    const inner = this.#container('inner', ['podman', `${prefix}-inner:ip6=${inner6}`], ['-', '-', '-']);
    const at = this.#address(inner);
    const world = `${prefix}-world:ip=${address},ip6=${address6}`;
    this.#container('world', [world], [address, at, inner6!]);
    this.surroundings = {
      address,
      address6: address6!,
      allowed: this.name('model'),
      plain: this.name('plain'),
      hidden: this.name('private'),
      hidden6: this.name('private6'),
      forbidden: 'evil.test',
      inner: at,
      inner6: inner6!,
      nameserver: address,
      neighbours: [
        { name: 'a neighbour', address: at, port: 443 },
        { name: 'a neighbour by IPv6', address: inner6!, port: 443 },
      ],
    };
  }

  name(of: string): string {
    return `${of}.allowed.test`;
  }

  asked(): string {
    return this.podman('logs', `${prefix}-world`);
  }

  async startModel(script: readonly unknown[]): Promise<void> {
    const world = `${prefix}-world`;
    this.podman('exec', world, 'sh', '-c', `pkill -f '[n]ode - ${modelPort}' || :`);
    const args = ['exec', '--interactive', world, 'node', '-', modelPort, JSON.stringify(script)];
    const model = spawn('podman', args, { env: this.env, stdio: ['pipe', 'pipe', 'inherit'] });
    model.stdin.end(modelProgram);
    await new Promise((resolve) => model.stdout.once('data', resolve));
    // It ends with its container.
    for (const handle of [model, model.stdin, model.stdout]) (handle as { unref?: () => void }).unref?.();
  }

  async startCompanyProxy(login: string): Promise<CompanyProxy> {
    const [name, inner] = [`${prefix}-company`, `${prefix}-inner`];
    // Where a name leads already.
    const tls = { name: this.surroundings.hidden, port: 3129 };
    const certificate = certificateFor([tls.name]);
    const env = ['--env', `LOGIN=${login}`, '--env', `CERTIFICATE=${certificate}`];
    const run = ['run', '--detach', '--name', name, '--network', `container:${inner}`, ...env];
    this.podman(...run, '--entrypoint', 'sh', testProxyImage, '-c', companyScript);
    const log = () => spawnSync('podman', ['logs', name], { encoding: 'utf8' });
    await until(log, ({ stderr }) => companyIsThere.test(stderr));
    return { host: this.surroundings.inner, port: 3128, tls, log: () => log().stdout };
  }

  podman(...args: string[]): string {
    const done = spawnSync('podman', args, { env: this.env, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`podman ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  /** Kills the first process of a session's proxy, which can't be killed from inside: Podman starts it again. */
  killProxy(session: string): void {
    const pid = this.podman('inspect', '--format', '{{.State.Pid}}', `proxy-paude-${session}`).trim();
    if (!(Number(pid) > 1)) throw new Error(`the proxy of ${session} does not run: ${pid}`);
    process.kill(Number(pid), 'SIGKILL');
  }

  /** A port of this machine, as containers see it by their gateway. */
  async node(): Promise<{ address: string; port: number }> {
    this.#node ??= createServer((socket) => socket.end('reached\n'));
    await new Promise<void>((resolve) => this.#node!.listen(0, '0.0.0.0', resolve));
    const format = ['--format', '{{(index .Subnets 0).Gateway}}'];
    const gateway = this.podman('network', 'inspect', 'podman', ...format).trim();
    return { address: gateway, port: (this.#node.address() as AddressInfo).port };
  }

  /** Tries the same where nothing filters: in a container of the same image, beside the servers. */
  outside = async (all: readonly Try[]): Promise<readonly (string | null)[]> => {
    const networks = ['podman', `${prefix}-world`, `${prefix}-inner`];
    const args = ['run', '--rm', '-i', ...networks.flatMap((network) => ['--network', network])];
    const rights = ['--user', '0', '--cap-add', 'net_raw', '--entrypoint', 'python3'];
    const done = spawnSync('podman', [...args, ...rights, testImage, '-c', tries], {
      env: this.env,
      encoding: 'utf8',
      input: JSON.stringify(all),
    });
    if (done.status !== 0) throw new Error(done.stderr);
    return JSON.parse(done.stdout) as (string | null)[];
  };

  /** Runs a command beside the servers, and gives what it printed. */
  runBeside(image: string, [program = '', ...args]: readonly string[], input: string): string {
    const run = ['run', '--rm', '-i', '--network', this.network, '--entrypoint', program, image, ...args];
    const done = spawnSync('podman', run, { env: this.env, encoding: 'utf8', input });
    if (done.status !== 0) throw new Error(done.stderr);
    return done.stdout;
  }

  /** One of the sixteen blocks that no other run has, for this machine's addresses that look public. */
  #networks(): number {
    const create = (name: string, ...subnets: string[]) => {
      const ranges = subnets.flatMap((subnet) => ['--subnet', subnet]);
      return spawnSync('podman', ['network', 'create', '--disable-dns', '--ipv6', ...ranges, name]);
    };
    for (let block = 0; block < 256; block += 16) {
      const part = `${block.toString(16)}::/64`;
      if (create(`${prefix}-world`, `${public4}${block}/28`, `${public6}${part}`).status !== 0) continue;
      const inner = create(`${prefix}-inner`, `${private6}${part}`);
      if (inner.status !== 0) throw new Error(String(inner.stderr));
      return block;
    }
    throw new Error(`no block of ${public4}0/24 is free`);
  }

  #address(container: string): string {
    const format = '{{.NetworkSettings.Networks.podman.IPAddress}}';
    return this.podman('inspect', '--format', format, container).trim();
  }

  /** Podman's configuration as it is, and the world's name server for every container. */
  #configuration(nameserver: string): string {
    const present = process.env['CONTAINERS_CONF'];
    const file = join(this.folder, 'containers.conf');
    const text = present === undefined ? '[containers]\n' : readFileSync(present, 'utf8');
    writeFileSync(file, text.replace('[containers]', `[containers]\ndns_servers = ["${nameserver}"]`));
    return file;
  }

  #container(name: string, networks: readonly string[], args: readonly string[]): string {
    const full = `${prefix}-${name}`;
    const files = [`${serverProgram}:/server.mjs:ro`, `${join(this.folder, 'pem')}:/pem:ro`];
    const volumes = files.flatMap((file) => ['--volume', file]);
    const on = networks.flatMap((network) => ['--network', network]);
    const run = ['run', '--detach', '--name', full, ...on, ...volumes, '--user', '0', '--entrypoint', 'node'];
    this.podman(...run, testImage, '/server.mjs', ...args, '/pem');
    for (let looks = 0; !this.podman('logs', full).includes('the world is there'); looks++) {
      if (looks > 200) throw new Error(`${full} did not start`);
      spawnSync('sleep', ['0.05']);
    }
    return full;
  }

  end(): void {
    this.#node?.close();
    for (const name of ['company', 'world', 'inner'])
      spawnSync('podman', ['rm', '--force', '--ignore', '--time', '0', `${prefix}-${name}`]);
    for (const name of ['world', 'inner'])
      spawnSync('podman', ['network', 'rm', '--force', `${prefix}-${name}`]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
