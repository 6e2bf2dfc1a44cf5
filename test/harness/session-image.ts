// Builds the session's image and its proxy's as the program does, and prints their tags.
import { readFile } from 'node:fs/promises';
import { agentNamed } from '../../lib/agents/agents.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { ensureImage, type ImageEvent } from '../../lib/image/ensure-image.ts';
import { ensureProxyImage } from '../../lib/image/proxy-image.ts';

const { PAUDE_BASE_IMAGE: baseImage, PAUDE_CA_FILE: caFile } = process.env;
const recipe = {
  ...(baseImage === undefined ? {} : { baseImage }),
  ...(caFile === undefined ? {} : { certificates: await readFile(caFile, 'utf8') }),
};
const podman = podmanProgram(process.env);
const report = (event: ImageEvent) => {
  if (event.type === 'step') process.stderr.write(`${event.text}\n`);
};
const { signal } = new AbortController();
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const session = { ...recipe, agent: agentNamed('claude'), packages: [], architecture } as const;
process.stdout.write(`${await ensureImage(session, podman, report, signal)}\n`);
process.stdout.write(`${await ensureProxyImage(session, podman, report, signal)}\n`);
