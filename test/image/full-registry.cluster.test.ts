import { rmSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { externalRegistry, homeWithLogin, registrySkip } from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { portsOf, refusal } from './carrying.ts';

const test = suite('a registry that is full');
const signal = new AbortController().signal;

test.skipIf(registrySkip)('says so, and how much it takes it takes again when there is room', async () => {
  const registry = await externalRegistry('2m');
  const home = homeWithLogin(registry.host);
  try {
    const values = { 'openshift-registry': `${registry.host}/me` };
    const { cluster, images } = await portsOf(home, 'certificate', values);
    const carry = (tag: string) => images.carry(cluster, [tag], 'linux/amd64', () => undefined, signal);
    const { code, message, hint } = await refusal(carry(smallImage('large', 4_000_000)));
    assert.is(code, 'REGISTRY_FULL');
    assert.match(message, `${registry.host}/me is full and could not push a layer`);
    assert.match(hint, 'make room there, or use another one: --openshift-registry=');
    registry.empty();
    assert.match((await carry(smallImage('little', 1000)))[0]!, `${registry.host}/me/paude-small`);
  } finally {
    registry.end();
    rmSync(home, { recursive: true, force: true });
    removeSmallImages();
  }
});

test.run();
