import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { testCluster } from '../harness/cluster-world.ts';
import { externalLogin } from '../harness/registries.ts';
import { onPodman, type Ground } from './ground.ts';
import type { World } from './world.ts';

/** A cluster with Podman and a kubeconfig, and without an image: it is built here. */
export function building(ground: Ground, kubeconfig: string): Ground {
  const { PAUDE_IMAGE: _, PAUDE_PROXY_IMAGE: __, ...env } = ground.env;
  return {
    ...ground,
    env: { ...onPodman.env, ...env, KUBECONFIG: kubeconfig },
    get folders() {
      return onPodman.folders;
    },
  };
}

/** What a person who has logged in to it with Podman has at home. */
export function logIn(world: World, host: string): void {
  const auth = Buffer.from(`${externalLogin.username}:${externalLogin.password}`).toString('base64');
  const containers = join(world.home, '.config/containers');
  mkdirSync(join(containers, 'certs.d', host), { recursive: true });
  writeFileSync(join(containers, 'auth.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  copyFileSync(join(testCluster.state, 'pki/ca.crt'), join(containers, 'certs.d', host, 'ca.crt'));
}

/** A PATH on which there is no Podman: git, Node, and the installed programs. */
export function pathWithoutPodman(world: World): string {
  const folder = join(world.root, 'no podman');
  mkdirSync(folder);
  for (const program of ['env', 'sh', 'git']) {
    const found = execFileSync('which', [program], { encoding: 'utf8' }).trim();
    symlinkSync(found, join(folder, program));
  }
  symlinkSync(process.execPath, join(folder, 'node'));
  return `${world.bin}:${folder}`;
}
