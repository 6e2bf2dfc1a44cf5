import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';
import { companyJourney } from './company-journey.ts';
import { onPodman } from './ground.ts';

const test = suite('journey: a company’s network');
let outside: OutsideOnPodman;
companyJourney(
  test,
  onPodman,
  () => (outside = new OutsideOnPodman()),
  (session, script) => outside.podman('exec', `proxy-paude-${session}`, 'sh', '-c', script),
  (session) => outside.killProxy(session),
);
test.run();
