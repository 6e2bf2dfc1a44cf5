import { readFile } from 'node:fs/promises';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentNamed } from '../../lib/agents/agents.ts';
import { openCluster } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { ensureImage } from '../../lib/image/ensure-image.ts';
import { imagePorts } from '../../lib/image-ports.ts';
import { clusterEnv, testCluster } from '../harness/cluster-world.ts';
import { externalRegistry, homeWithLogin, openshiftRoute, registrySkip } from '../harness/registries.ts';
import { countingProxy } from './counting-proxy.ts';
import { print, printRace, race, run, verdict, type Contestant } from './measure.ts';

const signal = new AbortController().signal;
const podman = podmanProgram(process.env);

/** Building the image, and what is in it. */
export async function image(): Promise<void> {
  const certificates = await ownCertificates();
  // One authority more is another image, from its first layer on.
  const cold = `${certificates}\n${await newAuthority()}`;
  const tag = await build(certificates);
  const rows = await race(1, [
    { name: 'a build with nothing there', work: () => build(cold) },
    { name: 'a build with nothing to do', work: () => build(certificates) },
  ]);
  printRace('the image', rows, []);
  await run('podman', ['rmi', await build(cold)]);
  await sizes(tag);
}

async function newAuthority(): Promise<string> {
  const flags = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-noenc',
    '-keyout',
    '/dev/null',
  ];
  return run('openssl', ['req', '-x509', '-subj', `/CN=bench ${process.pid}`, '-days', '1', ...flags]);
}

async function ownCertificates(): Promise<string> {
  const { PAUDE_CA_FILE: caFile } = process.env;
  return caFile === undefined ? '' : readFile(caFile, 'utf8');
}

function build(certificates: string): Promise<string> {
  const { PAUDE_BASE_IMAGE: baseImage } = process.env;
  const recipe = {
    agent: agentNamed('claude'),
    ...(baseImage === undefined ? {} : { baseImage }),
    certificates,
    packages: [],
    architecture: process.arch === 'arm64' ? ('arm64' as const) : ('amd64' as const),
  };
  return ensureImage(recipe, podman, () => undefined, signal);
}

async function sizes(tag: string): Promise<void> {
  const history = JSON.parse(await run('podman', ['history', '--format', 'json', tag])) as {
    size: number;
    CreatedBy: string;
  }[];
  const whole = history.reduce((sum, { size }) => sum + size, 0);
  print(`\nwhat the image consists of: ${Math.round(whole / 1e6)} MB`);
  for (const { size, CreatedBy } of history.filter((layer) => layer.size > 1e6))
    print(
      `  ${String(Math.round(size / 1e6)).padStart(5)} MB ${((size / whole) * 100).toFixed(0).padStart(3)} %  ${CreatedBy.replace(/^\/bin\/sh -c (#\(nop\) )?/, '').slice(0, 90)}`,
    );
}

/** Carrying the image by each way, beside `podman push` to the same registry. */
export async function ways(): Promise<void> {
  if (registrySkip !== undefined) return print(`\nways of the image: left out: ${registrySkip}`);
  const tag = await build(await ownCertificates());
  const folder = mkdtempSync(join(tmpdir(), 'paude-bench-images-'));
  const { external, hostAddress, address, state } = testCluster;
  const home = homeWithLogin(external);
  const token = /bobs-[\w-]+/.exec(readFileSync(testCluster.token, 'utf8'))![0];
  const auths = join(folder, 'auth.json');
  const basic = Buffer.from(`bob:${token}`).toString('base64');
  writeFileSync(
    auths,
    JSON.stringify({ auths: { [hostAddress]: { auth: basic }, [`${address}:30500`]: { auth: basic } } }),
  );
  const outside = await externalRegistry();
  const bare = (authfile: string, target: string) => () =>
    run('podman', ['push', '--quiet', '--tls-verify=false', '--authfile', authfile, tag, target]);
  const carry = async (user: 'certificate' | 'token', values: object, env = process.env) => {
    const cluster = await openCluster({
      env: clusterEnv(user),
      interactive: false,
      context: 'plain',
      namespace: 'paude-plain',
    });
    const settings = async () => ({
      values: { 'ca-file': join(state, 'pki/ca.crt'), ...values },
      origins: {},
    });
    const ports = imagePorts({
      env,
      home,
      settings,
      podman: async () => podman,
      agree: async () => undefined,
    });
    await ports.carry(cluster, [tag], 'linux/amd64', () => undefined, signal);
  };
  const empty = async () => {
    outside.empty();
    rmSync(join(state, 'openshift/docker'), { recursive: true, force: true });
  };
  const pair = async (title: string, ours: Contestant['work'], theirs: Contestant['work'], ratio: number) => {
    const rows = await race(1, [
      { name: 'podman push', before: empty, work: theirs },
      { name: 'git-paude', before: empty, work: ours },
    ]);
    printRace(title, rows, [{ of: 'git-paude', over: 'podman push', ratio }]);
  };
  try {
    const named = { 'openshift-registry': `${external}/me` };
    const login = join(home, '.config/containers/auth.json');
    await pair(
      'an external registry',
      () => carry('certificate', named),
      bare(login, `${external}/me/bare:1`),
      1.05,
    );
    outside.log();
    const { NO_PROXY: _, no_proxy: __, ...env } = process.env;
    const proxy = await countingProxy();
    await carry('certificate', named, { ...env, HTTPS_PROXY: proxy.url, https_proxy: proxy.url });
    const layers = outside.log().filter((line) => /^(POST|PATCH)|\/blobs\//.test(line));
    verdict('requests for layers by a second create', layers.length, 0, String);
    verdict('bytes sent to the registry by it, TLS among them', proxy.sent(), 10_000, String);
    proxy.end();
    await pair(
      'the port-forward',
      () => carry('token', {}),
      bare(auths, `${address}:30500/paude-plain/bare:1`),
      1.5,
    );
    const route = await openshiftRoute();
    try {
      await pair(
        'the route',
        () => carry('token', {}),
        bare(auths, `${hostAddress}/paude-plain/bare:1`),
        1.05,
      );
    } finally {
      route.end();
    }
  } finally {
    outside.end();
    for (const one of [folder, home]) rmSync(one, { recursive: true, force: true });
  }
}
