import type { Resolved } from '../config/load-settings.ts';
import { quantity } from '../names.ts';
import type { Description } from '../session/session.ts';

/** The description of a session that the settings come to. What was not said is left out, not filled in. */
export function describe({ values, containerfile }: Resolved): Description {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const list = (value: unknown) => (Array.isArray(value) ? (value as readonly string[]) : []);
  const amount = (value: unknown) => (typeof value === 'string' ? quantity(value) : undefined);
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
    memory: amount(values.memory),
    cpus: amount(values.cpus),
    pids: typeof values.pids === 'number' ? values.pids : undefined,
    pvcSize: amount(values['pvc-size']),
    storageClass: text(values['storage-class']),
  };
  // Without the keys that have no value, so that two descriptions are the same when they are equal as JSON.
  return JSON.parse(JSON.stringify(description)) as Description;
}
