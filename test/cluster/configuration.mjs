// The configuration files of the cluster's parts, and the kubeconfigs of those who use it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const node = 'node1';
/** Namespaces to work in, by the name of their context. */
export const namespaces = { plain: 'paude-plain', restricted: 'paude-restricted' };
/**
 * Users with the rights of a project's `edit`: one with a client certificate, and two with bearer tokens, of whom only
 * the first may port-forward to OpenShift's registry.
 */
export const users = { certificate: 'alice', token: 'bob', confined: 'carol' };
const bobsToken = 'bobs-token-of-the-test-cluster';
const carolsToken = 'carols-token-of-the-test-cluster';
/** Where OpenShift has its registry (the manifests give the service this address), and the one outside. */
export const openshift = { host: 'image-registry.openshift-image-registry.svc:5000', address: '10.96.0.50' };
export const externalPort = 5443;
/** For its registry a user's password is the token; bcrypt, for Debian's docker-registry takes nothing else. */
const openshiftPasswords = `${users.token}:$2y$05$paudepaudepaudepaudeOuxdHt4LY51jpVmnXc3cbVYg1F9Vfnae2
${users.confined}:$2y$05$paudepaudepaudepaudeOuR0CT/1//eWgesjRR9kVprRTO3z9UXDu
`;

/** Writes everything below `state`; `address` is the cluster's own. */
export function writeConfiguration(state, { debian, address, hostAddress, cgroup }) {
  const file = (path, text) => writeFileSync(join(state, path), text);
  const pki = join(state, 'pki');
  const external = `${hostAddress}:${externalPort}`;
  const registries = [`${address}:5000`, external, openshift.host].map((host) => `etc/certs.d/${host}`);
  for (const folder of ['etc/cni', 'etc/openshift', ...registries, 'registry', 'openshift', 'pv', 'log'])
    mkdirSync(join(state, folder), { recursive: true });
  // `password,user,uid` (Kubernetes documentation: static token file).
  const tokens = { [users.token]: bobsToken, [users.confined]: carolsToken };
  const rows = Object.entries(tokens).map(([user, token]) => `${token},${user},${user}\n`);
  file('etc/tokens.csv', rows.join(''));
  const registryUrl = `http://${address}:5000`;
  const hosts = `server = "${registryUrl}"\n[host."${registryUrl}"]\ncapabilities = ["pull", "resolve"]\n`;
  file(`etc/certs.d/${address}:5000/hosts.toml`, hosts);
  const trusting = (url, header = '') =>
    `server = "${url}"\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\nca = "${join(pki, 'ca.crt')}"\n${header}`;
  file(`etc/certs.d/${external}/hosts.toml`, trusting(`https://${external}`));
  // On OpenShift the pod's service account has a login of its own there; here the node has one.
  const inside = `https://${openshift.address}:5000`;
  const login = Buffer.from(`${users.token}:${bobsToken}`).toString('base64');
  const header = `[host."${inside}".header]\nauthorization = ["Basic ${login}"]\n`;
  file(`etc/certs.d/${openshift.host}/hosts.toml`, trusting(inside, header));
  file('etc/openshift/passwords', openshiftPasswords);
  file('etc/openshift/registry.yaml', JSON.stringify(openshiftRegistry));
  file('etc/audit.yaml', JSON.stringify(auditPolicy));
  file('etc/cni/10-pods.conflist', JSON.stringify(podNetwork));
  file('etc/containerd.toml', containerd(state, debian));
  file('etc/kubelet.yaml', JSON.stringify(kubelet(state, pki, cgroup)));
  file('etc/proxy.yaml', JSON.stringify(proxy(state)));
  file('etc/registry.yaml', JSON.stringify(registry(state)));
  const own = (user) => kubeconfig(address, pki, { default: 'default' }, user);
  file('admin.kubeconfig', own({ certificate: 'admin' }));
  file('etc/kubelet.kubeconfig', own({ certificate: 'kubelet' }));
  file('etc/manager.kubeconfig', own({ certificate: 'manager' }));
  const { certificate, token, confined } = users;
  file(`${certificate}.kubeconfig`, kubeconfig(address, pki, namespaces, { certificate }));
  file(`${token}.kubeconfig`, kubeconfig(address, pki, namespaces, { token: bobsToken }));
  file(`${confined}.kubeconfig`, kubeconfig(address, pki, namespaces, { token: carolsToken }));
}

function kubeconfig(address, pki, contexts, { certificate, token }) {
  const cluster = { server: `https://${address}:6443`, 'certificate-authority': join(pki, 'ca.crt') };
  const user =
    token === undefined
      ? {
          'client-certificate': join(pki, `${certificate}.crt`),
          'client-key': join(pki, `${certificate}.key`),
        }
      : { token };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'user', user }],
    contexts: Object.entries(contexts).map(([name, namespace]) => ({
      name,
      context: { cluster: 'test', user: 'user', namespace },
    })),
    'current-context': Object.keys(contexts)[0],
  });
}

/** Who asked what; never a body. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

const podNetwork = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'ptp',
      ipMasq: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.244.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
        dataDir: '/run/cni',
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

// Without CAP_SYS_RESOURCE no sandbox starts but with restrict_oom_score_adj ("can't get final child's PID from pipe").
function containerd(state, debian) {
  return `version = 2
root = "${state}/containerd/root"
state = "${state}/containerd/state"
[grpc]
address = "${state}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "${state}/etc/certs.d"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${debian}/usr/lib/cni"
conf_dir = "${state}/etc/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
`;
}

const kubelet = (state, pki, cgroup) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(pki, 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  cgroupDriver: 'cgroupfs',
  failSwapOn: false,
  failCgroupV1: false,
  containerRuntimeEndpoint: `unix://${state}/containerd.sock`,
  tlsCertFile: join(pki, 'kubelet.crt'),
  tlsPrivateKeyFile: join(pki, 'kubelet.key'),
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  podCIDR: '10.244.0.0/24',
  enforceNodeAllocatable: [],
  cgroupsPerQOS: true,
  cgroupRoot: cgroup,
  protectKernelDefaults: false,
  localStorageCapacityIsolation: false,
  imageGCHighThresholdPercent: 100,
  evictionHard: { 'memory.available': '100Mi' },
});

// 0 everywhere: it would write to the machine's conntrack settings.
const proxy = (state) => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  clientConnection: { kubeconfig: join(state, 'etc/manager.kubeconfig') },
  hostnameOverride: node,
  clusterCIDR: '10.244.0.0/16',
  conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
});

const registry = (state) => ({
  version: 0.1,
  storage: { filesystem: { rootdirectory: join(state, 'registry') }, delete: { enabled: true } },
  http: { addr: ':5000' },
});

/** Runs in a pod, which sees these folders of the machine. */
const openshiftRegistry = {
  version: 0.1,
  log: { accesslog: { disabled: false } },
  storage: { filesystem: { rootdirectory: '/storage' }, delete: { enabled: true } },
  auth: { htpasswd: { realm: 'openshift', path: '/configuration/openshift/passwords' } },
  http: {
    addr: ':5000',
    tls: { certificate: '/pki/openshift-registry.crt', key: '/pki/openshift-registry.key' },
  },
};
