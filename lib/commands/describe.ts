import type { Resolved } from '../config/load-settings.ts';
import { options, type Option, type OptionKey } from '../config/options.ts';
import { normalEntry } from '../egress/network-rules.ts';
import { parseUpstream } from '../egress/upstream-proxy.ts';
import { PaudeError } from '../errors.ts';
import { quantity } from '../names.ts';
import type { BackendName } from '../session/location.ts';
import type { Description } from '../session/session.ts';

/**
 * The description of a session on a backend that the settings come to. What was not said is left out, not filled in,
 * and so is what that backend can't honour.
 */
export function describe(settings: Resolved, backend: BackendName): Description {
  const { containerfile, origins } = settings;
  const strange = strangers(settings, backend);
  const values = Object.fromEntries(
    Object.entries(settings.values).filter(([key]) => !strange.includes(key as OptionKey)),
  ) as Resolved['values'];
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const list = (value: unknown) => (Array.isArray(value) ? (value as readonly string[]) : []);
  const amount = (value: unknown) => (typeof value === 'string' ? quantity(value) : undefined);
  const allow = [...new Set(list(values.allow).map(normalEntry))].sort();
  const upstream = text(values['upstream-proxy']);
  const description = {
    agent: text(values.agent) ?? 'claude',
    agentVersion: text(values['agent-version']),
    agentArgs: list(values['agent-args']),
    image: text(values.image),
    baseImage: text(values['base-image']),
    packages: list(values.packages),
    containerfile,
    yolo: values.yolo === true,
    allowNetwork: values['allow-network'] === true,
    allow: allow.length === 0 ? undefined : allow,
    acceptUnenforced: values['accept-unenforced'] === true ? true : undefined,
    proxyImage: text(values['proxy-image']),
    // Without its password, which is not for keeping.
    upstreamProxy:
      upstream === undefined ? undefined : upstreamUrl(upstream, origins['upstream-proxy']?.source),
    memory: amount(values.memory),
    cpus: amount(values.cpus),
    memoryRequest: amount(values['memory-request']),
    cpusRequest: amount(values['cpus-request']),
    pids: typeof values.pids === 'number' ? values.pids : undefined,
    pvcSize: amount(values['pvc-size']),
    storageClass: text(values['storage-class']),
  };
  // Without the keys that have no value, so that two descriptions are the same when they are equal as JSON.
  return JSON.parse(JSON.stringify(description)) as Description;
}

/**
 * Settings that mean nothing to this backend. One that is a flag was refused before; one of the environment or of a
 * file may be meant for sessions elsewhere.
 */
function strangers({ origins }: Resolved, backend: BackendName): readonly OptionKey[] {
  return (options as readonly Option[])
    .filter(({ only }) => only !== undefined && only !== backend)
    .map(({ key }) => key as OptionKey)
    .filter((key) => origins[key] !== undefined && origins[key].source !== 'fallback');
}

/** A sentence for each setting that would have shaped the session on another backend, and is left out here. */
export function leftOut(settings: Resolved, backend: BackendName): readonly string[] {
  const shaping = new Set<string>(['memory-request', 'cpus-request', 'pids', 'pvc-size', 'storage-class']);
  const where = backend === 'podman' ? 'Podman' : 'a cluster';
  return strangers(settings, backend)
    .filter((key) => shaping.has(key))
    .map(
      (key) => `${settings.origins[key]!.name}: ${key} means nothing to sessions on ${where}: it is left out`,
    );
}

/** Arguments are seen by everybody on a machine, and a repository's file by everybody who has it. */
function upstreamUrl(text: string, source: string | undefined): string {
  const { url, login } = parseUpstream(text);
  if (login !== undefined && (source === 'flag' || source === 'repository')) {
    throw new PaudeError(
      'USAGE',
      `the password of ${url} is not for ${source === 'flag' ? 'a flag' : 'a repository'}`,
      {
        hint: 'put the whole URL into PAUDE_UPSTREAM_PROXY',
      },
    );
  }
  return url;
}
