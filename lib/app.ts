import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Report } from './session/events.ts';
import type { Location } from './session/location.ts';
import type { Repository } from './git/repository.ts';
import type { Resolved } from './config/load-settings.ts';
import type { SettingsFile } from './config/settings-file.ts';
import type { Backend } from './session/backend.ts';
import type { Description } from './session/session.ts';
import { PaudeError } from './errors.ts';

/**
 * Wires the house: everything is made when it is first asked for, once, and imported no sooner. `flags` are what
 * the user gave to the verb.
 */
export function createApp(flags: ReadonlyMap<string, unknown> = new Map(), env = process.env) {
  const home = env['HOME'] ?? homedir();
  const userFolder = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'paude');

  const repository = memoised(async (): Promise<Repository | undefined> => {
    const { openRepository } = await import('./git/repository.ts');
    return openRepository(process.cwd(), env);
  });

  const sources = async () => {
    const found = await repository();
    return {
      flags,
      env,
      userFolder,
      topLevel: found?.topLevel,
      gitConfig: (await found?.config()) ?? new Map(),
    };
  };

  const settings = memoised(async (): Promise<Resolved> => {
    const { loadSettings } = await import('./config/load-settings.ts');
    return loadSettings(await sources());
  });

  /** The settings without those of the repository. */
  const ownSettings = memoised(async (): Promise<Resolved> => {
    const { loadSettings } = await import('./config/load-settings.ts');
    return loadSettings({ ...(await sources()), topLevel: undefined });
  });

  const podman = memoised(async () => {
    const { podmanProgram } = await import('./backends/podman/podman.ts');
    return podmanProgram(env);
  });

  /** The backend of a session's URL, or of the settings. */
  async function backend(name?: Location['backend']): Promise<Backend> {
    const wanted = name ?? (await settings()).values.backend;
    if (wanted !== 'podman') {
      throw new PaudeError('OPTION_UNSUPPORTED', `sessions on ${String(wanted)} are not there yet`, {
        hint: 'use --backend=podman',
      });
    }
    const { podmanBackend } = await import('./backends/podman/podman-backend.ts');
    return podmanBackend(await podman(), env['USER'] || userInfo().username);
  }

  async function ensureImage(description: Description, report: Report, signal: AbortSignal): Promise<string> {
    if (description.image !== undefined) return description.image;
    const [image, { agentNamed }] = await Promise.all([
      import('./image/ensure-image.ts'),
      import('./agents/agents.ts'),
    ]);
    const caFile = (await settings()).values['ca-file'];
    const recipe = {
      ...description,
      agent: agentNamed(description.agent),
      architecture: process.arch === 'arm64' ? ('arm64' as const) : ('amd64' as const),
      ...(typeof caFile === 'string' ? { certificates: await certificates(caFile) } : {}),
    };
    return image.ensureImage(recipe, await podman(), report, signal);
  }

  async function agentEnvironment(agent: string): Promise<ReadonlyMap<string, string>> {
    const { agentEnvironment: pick, agentNamed } = await import('./agents/agents.ts');
    return pick(agentNamed(agent), env);
  }

  /** This repository's .paude.json, trusted or not. */
  async function settingsFile(): Promise<SettingsFile | undefined> {
    const found = await repository();
    if (found?.topLevel === undefined) return undefined;
    const { readSettingsFile } = await import('./config/settings-file.ts');
    return readSettingsFile(join(found.topLevel, '.paude.json'));
  }

  async function trust(file: SettingsFile): Promise<void> {
    const allow = (await import('./config/trust.ts')).trust;
    await allow(file, (await repository())?.topLevel, userFolder);
  }

  return { repository, settings, ownSettings, settingsFile, trust, backend, ensureImage, agentEnvironment };
}

export type App = ReturnType<typeof createApp>;

async function certificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PaudeError('CONFIG_INVALID', `the certificates in ${path} can't be read`, {
      hint: 'name a file in PEM with --ca-file, or unset NODE_EXTRA_CA_CERTS',
      cause,
    });
  }
}

function memoised<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** The program git-remote-paude, with the arguments that git gives it. Ends with the exit code. */
export async function runRemoteHelper(argv: readonly string[]): Promise<number> {
  const [{ runHelper }, { helperPorts }] = await Promise.all([
    import('./remote/helper.ts'),
    import('./helper-ports.ts'),
  ]);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort());
  const { stdin, stdout, stderr } = process;
  return runHelper({ argv, stdin, stdout, stderr, signal: stopping.signal, ports: helperPorts(createApp()) });
}
