// The running parts of the cluster: how each is started, in the order in which they can be.
import { join } from 'node:path';
import { node } from './configuration.mjs';

/** The command of each part, by name. */
export function partsOf({ state, folder, address }) {
  const pki = (name) => join(state, 'pki', name);
  const etc = (name) => join(state, 'etc', name);
  const kubernetes = (component, ...args) => [join(folder, 'bin/kubernetes'), component, ...args];
  const debian = (path) => join(folder, 'debian', path);
  const manager = `--kubeconfig=${etc('manager.kubeconfig')}`;
  const admin = `--kubeconfig=${join(state, 'admin.kubeconfig')}`;
  const etcd = 'http://127.0.0.1:2379';
  return {
    etcd: [
      debian('usr/bin/etcd'),
      `--data-dir=${join(state, 'etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--unsafe-no-fsync',
    ],
    registry: [debian('usr/bin/docker-registry'), 'serve', etc('registry.yaml')],
    apiserver: kubernetes(
      'kube-apiserver',
      `--etcd-servers=${etcd}`,
      '--secure-port=6443',
      '--bind-address=0.0.0.0',
      `--advertise-address=${address}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--token-auth-file=${etc('tokens.csv')}`,
      `--service-account-key-file=${pki('serviceaccounts.key')}`,
      `--service-account-signing-key-file=${pki('serviceaccounts.key')}`,
      '--service-account-issuer=https://kubernetes.default',
      `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('kubelet-client.key')}`,
      // Else exec looks the node's name up in DNS.
      '--kubelet-preferred-address-types=InternalIP',
      '--authorization-mode=Node,RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--allow-privileged=true',
      `--audit-policy-file=${etc('audit.yaml')}`,
      `--audit-log-path=${join(state, 'log/audit.log')}`,
      '--audit-log-mode=blocking',
      '--feature-gates=MutatingAdmissionPolicy=true',
      '--runtime-config=admissionregistration.k8s.io/v1beta1=true',
    ),
    controllers: kubernetes(
      'kube-controller-manager',
      manager,
      `--service-account-private-key-file=${pki('serviceaccounts.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      '--use-service-account-credentials=false',
      '--allocate-node-cidrs=true',
      '--cluster-cidr=10.244.0.0/16',
      '--leader-elect=false',
    ),
    scheduler: kubernetes('kube-scheduler', manager, '--leader-elect=false'),
    containerd: [debian('usr/bin/containerd'), '--config', etc('containerd.toml')],
    kubelet: kubernetes(
      'kubelet',
      `--kubeconfig=${etc('kubelet.kubeconfig')}`,
      `--config=${etc('kubelet.yaml')}`,
      `--hostname-override=${node}`,
      `--node-ip=${address}`,
      `--root-dir=${join(state, 'kubelet')}`,
    ),
    proxy: kubernetes('kube-proxy', `--config=${etc('proxy.yaml')}`),
    provisioner: kubernetes('provisioner', admin, `--dir=${join(state, 'pv')}`, `--node=${node}`),
    netpol: kubernetes('netpol', admin),
  };
}
