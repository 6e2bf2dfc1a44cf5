/**
 * What a session's proxy costs, on Podman and on the test cluster where that runs: time that it and the probe add to
 * `start`, its memory, throughput and latency through it against direct, 200 connections at once, a change of the
 * rules. Nothing here is asserted. Needs what scripts/machine.mjs sets up, and the images (PAUDE_TEST_IMAGE,
 * PAUDE_TEST_PROXY_IMAGE; for the cluster what scripts/cluster-world.mjs names).
 */
import { performance } from 'node:perf_hooks';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { podmanBackend } from '../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { changedRules } from '../../lib/egress/network-rules.ts';
import { sessionName } from '../../lib/names.ts';
import { changeNetwork } from '../../lib/session/change-network.ts';
import { FilteredSessions, never } from '../egress/session-ports.ts';
import { clusterEnv, clusterImage, clusterProxyImage, clusterSkip } from '../harness/cluster-world.ts';
import { testImage, testProxyImage } from '../harness/podman-world.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';
import { print, printRace, race, verdict } from './measure.ts';

const [closed, open] = [sessionName(`bench-closed-${process.pid}`), sessionName(`bench-open-${process.pid}`)];

/** Somewhere with a session whose network is closed, one whose network is open, and a server that both may reach. */
interface Place {
  readonly title: string;
  readonly sessions: FilteredSessions;
  readonly host: string;
  readonly address: string;
  /** Runs a command in the proxy of the closed session. */
  readonly inProxy: (...command: string[]) => string;
  readonly end: () => void;
}

function onPodman(): Place {
  const world = new OutsideOnPodman();
  const backend = podmanBackend(podmanProgram(world.env), 'bench');
  return {
    title: 'Podman',
    sessions: new FilteredSessions(backend, { session: testImage, proxy: testProxyImage }),
    host: world.surroundings.allowed,
    address: world.surroundings.address,
    inProxy: (...command) => world.podman('exec', `proxy-paude-${closed}`, ...command),
    end: () => world.end(),
  };
}

async function onCluster(): Promise<Place> {
  const world = new OutsideOnCluster();
  const place = { context: 'plain', namespace: 'paude-plain' };
  const env = clusterEnv('certificate');
  const options = { env, interactive: false, transport: 'auto', everywhere: false, ...place } as const;
  const images = { session: clusterImage, proxy: clusterProxyImage };
  return {
    title: 'the cluster',
    sessions: new FilteredSessions(await openKubernetes(options), images),
    host: world.surroundings.allowed,
    address: world.surroundings.address,
    inProxy: (...command) =>
      world.kubectl('exec', `proxy-paude-${closed}-0`, '-n', place.namespace, '--', ...command),
    end: () => world.end(),
  };
}

/** What curl measures, `times` over, through the proxy and direct in turn: the median of each. */
async function curl({ sessions, host, address }: Place, what: string, path: string, times: number) {
  const fetched = `curl -ks --resolve '${host}:443:${address}' -o /dev/null -w '%{${what}}' 'https://${host}${path}'`;
  const values = [closed, open].map((name) => ({ name, all: [] as number[] }));
  // What is fetched first pays for what is loaded then.
  for (const { name } of values) await sessions.run(name, ['sh', '-c', fetched]);
  for (let time = 0; time < times; time++)
    for (const { name, all } of values)
      all.push(Number((await sessions.run(name, ['sh', '-c', fetched])).out));
  return values.map(({ all }) => all.sort((a, b) => a - b)[Math.floor(times / 2)]!) as [number, number];
}

async function start({ sessions }: Place): Promise<void> {
  const contestant = (name: typeof closed, label: string) => ({
    name: label,
    before: async () => sessions.backend.stop(name, never),
    work: () => sessions.start(name),
  });
  const rows = await race(5, [contestant(closed, 'start, filtered'), contestant(open, 'start, open')]);
  printRace('start with proxy and probe', rows, [{ of: 'start, filtered', over: 'start, open', more: 700 }]);
}

async function memory({ inProxy }: Place): Promise<void> {
  const script =
    "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum / 1024 }'";
  const rest = Number(inProxy('sh', '-c', script).trim());
  verdict('memory of the proxy at rest', rest, 40, (value) => `${value.toFixed(1)} MB`);
}

/** Bytes a second, as a line of a gigabit carries them. */
const line = 125e6;

/**
 * The far end is on this machine: without a limit its TLS, curl's and the proxy share the processor, and what that costs
 * is the proxy's work. On a line of a gigabit it is what a person sees.
 */
async function transfer(place: Place): Promise<void> {
  for (const [what, rate] of [
    ['within this machine', ''],
    ['on a line of 1 Gbit/s', `&rate=${line}`],
  ] as const) {
    const [through, direct] = await curl(place, 'speed_download', `/big?bytes=200000000${rate}`, 5);
    const shown = (value: number) => `x ${value.toFixed(2)}`;
    const speeds = `${(through / 1e6).toFixed(0)} MB/s through it, ${(direct / 1e6).toFixed(0)} direct`;
    verdict(`time of 200 MB ${what}, over direct (${speeds})`, direct / through, 1 / 0.9, shown);
  }
  const [slow, fast] = await curl(place, 'time_total', '/who', 21);
  const times = `${(slow * 1000).toFixed(1)} ms through it, ${(fast * 1000).toFixed(1)} direct`;
  verdict(`one request (${times})`, (slow - fast) * 1000, 2, (value) => `${value.toFixed(1)} ms more`);
}

/** Each connection is one of its own, with TLS. */
async function crowd({ sessions, host, address }: Place): Promise<void> {
  const script = `for i in $(seq 200); do echo 'url = "https://${host}/who"'; done >/tmp/urls; \
    curl -ksS --http1.1 --resolve '${host}:443:${address}' --parallel --parallel-immediate --parallel-max 200 \
      -K /tmp/urls | grep -c reached`;
  const contestant = (name: typeof closed, label: string) => ({
    name: label,
    work: async () => {
      const { out, err } = await sessions.run(name, ['sh', '-c', script]);
      if (out !== '200\n') throw new Error(`of 200 connections ${out.trim()} were answered: ${err}`);
    },
  });
  const rows = await race(3, [contestant(closed, '200 through it'), contestant(open, '200 direct')]);
  printRace('200 connections at once', rows, []);
  const [through, direct] = rows.map(({ median }) => median) as [number, number];
  print(`         through it over direct: x ${(through / direct).toFixed(2)}`);
}

async function change({ sessions: { backend } }: Place): Promise<void> {
  const session = (await backend.get(closed, never))!;
  const begin = performance.now();
  await changeNetwork(
    backend,
    session,
    (rules) => changedRules(rules, { allow: ['another.test'], deny: [] }),
    never,
  );
  verdict('a change of the rules', performance.now() - begin, 1000, (value) => `${value.toFixed(0)} ms`);
}

async function measure(place: Place): Promise<void> {
  const { sessions } = place;
  print(`\nthe network of a session on ${place.title}`);
  try {
    await sessions.create(closed, { allow: [place.host] });
    await sessions.create(open, { allowNetwork: true });
    for (const name of [closed, open]) await sessions.start(name);
    for (const part of [memory, transfer, crowd, change, start]) await part(place);
  } finally {
    for (const name of [closed, open]) await sessions.backend.remove(name, never);
    place.end();
  }
}

await measure(onPodman());
if (clusterSkip === undefined) await measure(await onCluster());
else print(`\nthe network of a session on the cluster: left out: ${clusterSkip}`);
