// The test cluster by hand:
//   npm run cluster -- up             builds what is missing and starts it; the last line is the kubeconfig's path
//   npm run cluster -- build          builds what is missing, and starts nothing
//   npm run cluster -- down           ends it, and leaves nothing behind but the cache
//   npm run cluster -- status         says whether it runs
//   npm run cluster -- stop PART      ends one part of it as a crash would: apiserver, kubelet, netpol, …
//   npm run cluster -- start PART     starts that part again
//   npm run cluster -- pause PART     stops it where it stands, as a machine that hangs would
//   npm run cluster -- resume PART    lets it go on
import { provideParts, whyNoCluster } from '../test/cluster/build.mjs';
import {
  clusterDown,
  clusterStatus,
  clusterUp,
  pausePart,
  resumePart,
  startPart,
  stopPart,
} from '../test/cluster/cluster.mjs';

const [verb, part] = process.argv.slice(2);
const running = () => {
  const cluster = clusterStatus();
  if (cluster === undefined) throw new Error('the cluster does not run: npm run cluster -- up');
  return cluster;
};
const log = (text) => console.error(text);
const verbs = {
  build: () => {
    const reason = whyNoCluster();
    if (reason !== undefined) throw new Error(reason);
    provideParts(log);
  },
  up: async () => console.log((await clusterUp(log)).admin),
  down: clusterDown,
  status: () => console.log(clusterStatus() === undefined ? 'down' : `up: ${running().admin}`),
  stop: () => stopPart(running(), part),
  start: () => startPart(running(), part),
  pause: () => pausePart(running(), part),
  resume: () => resumePart(running(), part),
};
if (!(verb in verbs)) {
  console.error('usage: npm run cluster -- build | up | down | status | stop, start, pause or resume PART');
  process.exit(2);
}
try {
  await verbs[verb]();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
