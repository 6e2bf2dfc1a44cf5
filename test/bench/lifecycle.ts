import { parseHostRule } from '../../lib/egress/host-rule.ts';
import { hostRulesOf } from '../../lib/egress/network-rules.ts';
import { formatPlan, planOf } from '../../lib/egress/probe.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import type { Bench } from './bench.ts';
import { printRace, race, run, type Contestant } from './measure.ts';

const podman = (...args: string[]) => run('podman', args);

/** What the bare commands work with: their objects' name, and the images. */
interface Bare {
  readonly name: string;
  readonly session: string;
  readonly proxy: string;
}

const allowed = parseHostRule('api.anthropic.com');

/**
 * A session's verbs, and the bare Podman commands that each of them needs, one after the other, as a person would give
 * them. What brings credentials is left out on both sides, and measured elsewhere.
 */
export async function lifecycle({ session, paude }: Bench): Promise<void> {
  const start = () => paude('start', '--detach', '--no-sync', session);
  await paude('create', session);
  await start();
  const imageOf = async (container: string) =>
    (await podman('inspect', '--format', '{{.Image}}', container)).trim();
  const [image, proxy] = [await imageOf(`paude-${session}`), await imageOf(`proxy-paude-${session}`)];
  const bare = { name: `bare-${session}`, session: image, proxy };
  await paude('delete', session, '--confirm');
  const verbs: readonly Contestant[] = [
    { name: 'create', work: () => paude('create', session) },
    { name: 'bare create', work: () => createBare(bare) },
    { name: 'start', work: start },
    { name: 'bare start', work: () => startBare(bare) },
    { name: 'stop', work: () => paude('stop', session) },
    { name: 'bare stop', work: () => stopBare(bare) },
    { name: 'delete', work: () => paude('delete', session, '--confirm') },
    { name: 'bare delete', work: () => deleteBare(bare) },
  ];
  try {
    const goals = ['create', 'start', 'stop', 'delete'].map((of) => ({ of, over: `bare ${of}`, more: 300 }));
    printRace('over the bare Podman commands', await race(5, verbs), goals);
  } finally {
    await removeBare(bare).catch(() => undefined);
    await paude('delete', session, '--confirm').catch(() => undefined);
  }
}

async function createBare({ name, session }: Bare): Promise<void> {
  await podman('volume', 'create', name);
  const memory = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=uid=1000,gid=0,mode=0750'];
  await podman('volume', 'create', ...memory, `${name}.credentials`);
  await podman('network', 'create', '--internal', '--disable-dns', name);
  const at = await addresses(name);
  const tmpfs = ['/tmp', '/run/paude', '/home/paude'].flatMap((path) => [
    '--tmpfs',
    `${path}:exec,mode=1777`,
  ]);
  await podman(
    ...['create', '--name', name, '--network', `${name}:ip=${at.session}`, '--user', '1000:0'],
    ...[
      '--read-only',
      '--read-only-tmpfs=false',
      '-v',
      `${name}:/pvc`,
      '-v',
      `${name}.credentials:/credentials:ro`,
    ],
    ...['--env', `HTTPS_PROXY=http://${at.proxy}:3128`, ...tmpfs, session],
  );
}

async function addresses(network: string): Promise<{ readonly proxy: string; readonly session: string }> {
  const subnet = await podman('network', 'inspect', '--format', '{{(index .Subnets 0).Subnet}}', network);
  const base = subnet.trim().replace(/\.\d+\/\d+$/, '');
  return { proxy: `${base}.2`, session: `${base}.3` };
}

/** The session and its proxy, and the proof that there is no other way out. */
async function startBare({ name, proxy }: Bare): Promise<void> {
  await podman('start', name);
  const at = await addresses(name);
  const rules = { agent: [allowed.host], allow: [], deny: [] };
  await podman(
    ...['run', '--detach', '--name', `proxy-${name}`, '--network', `${name}:ip=${at.proxy}`],
    ...['--network', 'podman', '--user', '1000:0', '--tmpfs', '/tmp:mode=1777'],
    ...['--env', `PAUDE_CONFIGURATION=${proxyConfiguration(hostRulesOf(rules))}`],
    ...['--env', `PAUDE_LISTEN=${at.proxy}`, '--env', `PAUDE_CLIENT=${at.session}`, proxy],
  );
  await podman('exec', name, 'paude-session', 'ready');
  const around = await podman('exec', `proxy-${name}`, 'paude-proxy', 'around', allowed.host, '443');
  const input = formatPlan(planOf(around, allowed)!);
  await run('podman', ['exec', '--interactive', name, 'paude-session', 'probe', '15'], { input });
}

async function stopBare({ name }: Bare): Promise<void> {
  await podman('stop', name);
  await podman('rm', '--force', '--ignore', '--time', '1', `proxy-${name}`);
}

/** It is stopped, and has to be asked for the branches that would be lost: that takes a start and a stop. */
async function deleteBare(bare: Bare): Promise<void> {
  await podman('start', bare.name);
  await podman('exec', bare.name, 'paude-session', 'branches');
  await stopBare(bare);
  await removeBare(bare);
}

async function removeBare({ name }: Bare): Promise<void> {
  await podman('rm', '-f', '--ignore', name, `proxy-${name}`);
  await podman('network', 'rm', name);
  await podman('volume', 'rm', name, `${name}.credentials`);
}

interface Labelled {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** A list of 100 sessions: one is made as usual, the others are copies of its volumes and of its container's labels. */
export async function list({ session, paude }: Bench): Promise<void> {
  const names = Array.from({ length: 99 }, (_, number) => `${session}-${number}`);
  const copies: string[] = [];
  await paude('create', session);
  try {
    const filter = ['--filter', `label=paude.io/session=${session}`, '--format', 'json'];
    const volumes = JSON.parse(await podman('volume', 'ls', ...filter)) as readonly Labelled[];
    const format = '{"Name":{{json .Name}},"Labels":{{json .Config.Labels}}}';
    const container = await podman('inspect', '--format', format, `paude-${session}`);
    const image = (await podman('inspect', '--format', '{{.Image}}', `paude-${session}`)).trim();
    for (const name of names) {
      for (const volume of volumes) {
        const copy = copyOf(volume, session, name);
        copies.push(copy.name);
        await podman('volume', 'create', ...copy.labels, copy.name);
      }
      const { name: object, labels } = copyOf(JSON.parse(container) as Labelled, session, name);
      await podman('create', '--network=none', '--name', object, ...labels, image);
    }
    const rows = await race(5, [
      { name: 'git paude list', work: () => paude('list', '--backend=podman') },
      { name: 'podman ps -a', work: () => podman('ps', '-a', '--format', 'json') },
    ]);
    printRace('list of 100 sessions', rows, []);
  } finally {
    await podman('rm', '--force', '--ignore', ...names.map((name) => `paude-${name}`));
    if (copies.length > 0) await podman('volume', 'rm', '--force', ...copies);
    await paude('delete', session, '--confirm');
  }
}

/** The name and the labels of an object of one session, as another one would have them. */
function copyOf({ Name, Labels }: Labelled, from: string, to: string) {
  const anew = (text: string) => text.replaceAll(from, to);
  const labels = Object.entries(Labels).flatMap(([key, value]) => ['--label', `${key}=${anew(value)}`]);
  return { name: anew(Name), labels };
}
