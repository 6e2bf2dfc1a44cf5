// The cluster's certificate authority and what it signs, made with openssl; good for a month.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './build.mjs';

/** Makes what is missing in a folder. `address` is where the API server is reached from outside. */
export function makeCertificates(folder, { address, hostAddress, node, users }) {
  if (existsSync(join(folder, 'complete'))) return;
  const openssl = (...args) => must('openssl', args, { cwd: folder });
  const authority = ['-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30'];
  openssl('req', '-x509', ...authority, '-subj', '/CN=git-paude-test-cluster');
  const sign = (name, subject, names) => {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      subject,
    );
    writeFileSync(
      join(folder, `${name}.ext`),
      `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`,
    );
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`, '-extfile', `${name}.ext`);
  };
  const service = 'IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc';
  sign('apiserver', '/CN=kube-apiserver', `IP:127.0.0.1,IP:${address},DNS:localhost,${service}`);
  sign('admin', '/O=system:masters/CN=admin', 'DNS:admin');
  sign('kubelet', `/O=system:nodes/CN=system:node:${node}`, `DNS:${node},IP:127.0.0.1,IP:${address}`);
  sign('kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client', 'DNS:kubelet-client');
  sign('manager', '/O=system:masters/CN=system:kube-controller-manager', 'DNS:manager');
  const internal = 'image-registry.openshift-image-registry.svc';
  sign('openshift-registry', '/CN=openshift-registry', `IP:10.96.0.50,DNS:${internal}`);
  // For what listens on this machine: the external registry, and OpenShift's route.
  sign('external', '/CN=external', `IP:${hostAddress},DNS:localhost`);
  for (const user of users) sign(user, `/CN=${user}`, `DNS:${user}`);
  openssl('genrsa', '-out', 'serviceaccounts.key', '2048');
  writeFileSync(join(folder, 'complete'), '');
}
