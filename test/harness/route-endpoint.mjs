// What OpenShift's router is to its registry: a TLS endpoint at the host that the Route names. It asks the API server
// whose token the password is, as OpenShift's registry does, and hands on what is somebody's. Its arguments are the
// cluster's description and the file in which it writes of each request.
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';

const [description, log] = process.argv.slice(2);
const { state, folder, admin, address, hostAddress } = JSON.parse(readFileSync(description, 'utf8'));
const pem = (name) => readFileSync(join(state, 'pki', name), 'utf8');
const servername = 'image-registry.openshift-image-registry.svc';
const agent = new https.Agent({ keepAlive: true, ca: pem('ca.crt'), servername });
const known = new Map();

const server = https.createServer(
  { cert: pem('external.crt'), key: pem('external.key') },
  (request, response) => {
    const { method, url, headers } = request;
    response.once('finish', () =>
      appendFileSync(log, `"${method} ${url} HTTP/1.1" ${response.statusCode}\n`),
    );
    if (headers.authorization !== undefined && !isSomebodys(headers.authorization)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="openshift"' }).end();
      return;
    }
    const target = { host: address, port: 30500, method, path: url, headers, agent };
    const onward = https.request(target, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  },
);
server.listen(443, hostAddress);

function isSomebodys(authorization) {
  const pair = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
  const token = pair.slice(pair.indexOf(':') + 1);
  if (!known.has(token)) known.set(token, review(token));
  return known.get(token);
}

function review(token) {
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
  const kubectl = ['kubectl', `--kubeconfig=${admin}`, 'create', '-f', '-', '-o', 'json'];
  const said = spawnSync(join(folder, 'bin/kubernetes'), kubectl, {
    input: JSON.stringify(asked),
    encoding: 'utf8',
  });
  return JSON.parse(said.stdout).status.authenticated === true;
}
