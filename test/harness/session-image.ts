// Builds the session's image as the program does, and prints its tag.
import { readFile } from 'node:fs/promises';
import { agentNamed } from '../../lib/agents/agents.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { ensureImage } from '../../lib/image/ensure-image.ts';

const { PAUDE_BASE_IMAGE: baseImage, PAUDE_CA_FILE: caFile } = process.env;
const tag = await ensureImage(
  {
    agent: agentNamed('claude'),
    ...(baseImage === undefined ? {} : { baseImage }),
    ...(caFile === undefined ? {} : { certificates: await readFile(caFile, 'utf8') }),
    packages: [],
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
  },
  podmanProgram(process.env),
  (event) => {
    if (event.type === 'step') process.stderr.write(`${event.text}\n`);
  },
  new AbortController().signal,
);
process.stdout.write(`${tag}\n`);
