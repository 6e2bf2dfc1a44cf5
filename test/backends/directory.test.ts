import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendContract } from '../contract/backend-contract.ts';
import { suite } from '../harness/suite.ts';
import { directoryBackend } from './directory.ts';

const test = suite('directory backend');
const root = await mkdtemp(join(tmpdir(), 'paude-directory-'));
backendContract(test, 'contract', async () => ({ backend: directoryBackend(root), image: 'none' }));
test.after(() => rm(root, { recursive: true, force: true }));
test.run();
