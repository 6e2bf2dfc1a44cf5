import { isPaudeError, PaudeError, type ErrorCode } from '../../errors.ts';
import { shellWord } from '../../printable.ts';
import { ApiStatus, KubeconfigError } from './api-connection.ts';
import { ownerLabel } from './objects.ts';

/** Where it happened, for the messages and for what can be pasted. */
interface Where {
  readonly context: string;
  readonly namespace: string;
}

const advice = {
  login: 'log in again: oc login, or what your cluster gives you for kubectl',
  namespace:
    'the namespace must exist already; switch to one: oc project NAME, or name one: --openshift-namespace=NAME, or ask an administrator to create it',
  otherNamespace: 'switch to another namespace: oc project NAME, or name one: --openshift-namespace=NAME',
} as const;

/** Turns what went wrong while `what` was done into an error of ours. One of ours passes as it is. */
export function kubernetesError(what: string, where: Where, error: unknown): PaudeError {
  if (error instanceof PaudeError) return error;
  if (error instanceof KubeconfigError) return kubeconfigError(error);
  if (error instanceof ApiStatus) return statusError(what, where, error);
  return unreachable(what, where, error);
}

const kubeconfigCodes: Readonly<Record<KubeconfigError['problem'], ErrorCode>> = {
  missing: 'KUBECONFIG_MISSING',
  'unknown-context': 'CONTEXT_UNKNOWN',
  invalid: 'KUBECONFIG_INVALID',
  unsupported: 'KUBECONFIG_INVALID',
  plugin: 'NOT_LOGGED_IN',
};

/** A kubeconfig that gives no connection. */
export function kubeconfigError(error: KubeconfigError): PaudeError {
  const contexts = [...error.contexts].sort();
  const [first] = contexts;
  const there =
    error.problem === 'unknown-context' && first !== undefined ? `; there are: ${contexts.join(', ')}` : '';
  const hints: Partial<Record<KubeconfigError['problem'], string>> = {
    missing: 'oc login https://api.your-cluster.example.com:6443',
    'unknown-context': first === undefined ? advice.login : `--openshift-context=${shellWord(first)}`,
    plugin: advice.login,
  };
  return new PaudeError(kubeconfigCodes[error.problem], error.message + there, {
    hint: hints[error.problem] ?? 'kubectl config view',
    cause: error,
  });
}

function statusError(what: string, { context, namespace }: Where, error: ApiStatus): PaudeError {
  const said = error.message;
  const make = (code: ErrorCode, message: string, hint?: string) =>
    new PaudeError(code, message, hint === undefined ? { cause: error } : { hint, cause: error });
  if (error.code === 401 || (error.code === 403 && isNobodys(said))) {
    return make('NOT_LOGGED_IN', `not logged in to ${context}, or the login has expired`, advice.login);
  }
  if (error.code === 404 && error.details?.kind === 'namespaces') {
    return make(
      'NAMESPACE_MISSING',
      `the namespace ${namespace} doesn't exist in ${context}`,
      advice.namespace,
    );
  }
  if (error.code === 403 && /exceeded quota/.test(said)) {
    return make(
      'QUOTA_EXCEEDED',
      `could not ${what}: ${said}`,
      `kubectl describe quota -n ${namespace} --context=${shellWord(context)}`,
    );
  }
  if (error.code === 403 && /cannot \w+ resource/.test(said))
    return forbidden(what, { context, namespace }, error);
  if (error.code === 403 || (error.code === 422 && /denied|not allowed|policy/i.test(said))) {
    return make('ADMISSION_REFUSED', `${namespace} does not allow to ${what}: ${said}`);
  }
  if (isBusy(error)) {
    return make(
      'BACKEND_UNREACHABLE',
      `the API server of ${context} can't ${what} now: ${said}`,
      'try again',
    );
  }
  return make('BACKEND_FAILED', `${context} could not ${what}: ${said}`);
}

/** It has too much to do, ends, has just begun, or its store has no leader: all of that is over in a moment. */
function isBusy({ code, message }: ApiStatus): boolean {
  if (code === 500) return /etcdserver: |code = Unavailable/.test(message);
  return [429, 502, 503, 504].includes(code);
}

/** Whether what was only looked at may be seen in a moment, as after any fault of the API server's own. */
export function isPassing(error: unknown): boolean {
  if (isPaudeError(error, 'BACKEND_UNREACHABLE')) return true;
  return isPaudeError(error, 'BACKEND_FAILED') && error.cause instanceof ApiStatus && error.cause.code >= 500;
}

/**
 * Whether a request was refused that brought no credentials. A server that lets nobody in as anonymous says 401; with
 * anonymous access, as by default, it says 403 of a user that must be given no right.
 */
function isNobodys(said: string): boolean {
  return said.includes('User "system:anonymous" cannot ');
}

/** The right that is missing, with the Role that would grant it. */
function forbidden(what: string, { context, namespace }: Where, error: ApiStatus): PaudeError {
  const said = error.message;
  const right = refusedRight(error);
  const { user, verb, resource } = right;
  if (/namespaces? "[^"]*" not found/.test(said)) {
    return new PaudeError('NAMESPACE_MISSING', `the namespace ${namespace} doesn't exist in ${context}`, {
      hint: advice.namespace,
      cause: error,
    });
  }
  if (/at the cluster scope/.test(said)) {
    const grant = grantOf(right, { context });
    return new PaudeError(
      'FORBIDDEN',
      `${user} may not ${verb} ${resource} in all namespaces of ${context}, which it takes to ${what}`,
      { hint: `name one namespace, or an administrator can grant it: ${grant}`, cause: error },
    );
  }
  const grant = grantOf(right, { context, namespace });
  // Who may do nothing in a namespace is not told whether there is one.
  return new PaudeError(
    'FORBIDDEN',
    `${user} may not ${verb} ${resource} in ${namespace} of ${context}, which it takes to ${what} (or there is no such namespace)`,
    {
      hint: `an administrator can grant it: ${grant}; or ${advice.otherNamespace}`,
      cause: error,
    },
  );
}

/** What somebody may do, or may not. */
export interface Right {
  readonly user: string;
  readonly verb: string;
  /** With its group, as kubectl takes it: `statefulsets.apps/scale`. */
  readonly resource: string;
}

/** The right that a refusal says is missing. */
export function refusedRight({ message }: ApiStatus): Right {
  const [, user = 'YOU', verb = 'get', resource = 'pods', group = ''] =
    /User "((?:[^"\\]|\\.)*)" cannot (\w+) resource "([^"]+)" in API group "([^"]*)"/.exec(message) ?? [];
  return {
    // The API server quotes as Go does: CORP\\ada.
    user: user.replace(/\\(["\\])/g, '$1'),
    verb,
    resource: group === '' ? resource : resource.replace(/(?=\/|$)/, `.${group}`),
  };
}

/**
 * The commands that make a Role with one right in a namespace, or without one a ClusterRole, and give it to a user.
 * Their name is of this right and this user alone: the Role of another hint may be there already. Several verbs or
 * resources have commas.
 */
export function grantOf(
  { user, verb, resource }: Right,
  { context, namespace }: Pick<Where, 'context'> & Partial<Where>,
): string {
  const kind = namespace === undefined ? 'clusterrole' : 'role';
  const name = `git-paude-${verb}-${resource}-${ownerLabel(user).slice(0, 8)}`.replace(/\W/g, '-');
  const where = `${namespace === undefined ? '' : `-n ${namespace} `}--context=${shellWord(context)}`;
  const role = `kubectl create ${kind} ${name} ${where} --verb=${verb} --resource=${resource}`;
  return `${role} && kubectl create ${kind}binding ${name} ${where} --${kind}=${name} --user=${shellWord(user)}`;
}

function unreachable(what: string, { context }: Where, error: unknown): PaudeError {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = message || String(error);
  if (/certificate|self.signed|CERT_|UNABLE_TO_VERIFY|ERR_TLS/i.test(`${code ?? ''} ${text}`)) {
    return new PaudeError('CERTIFICATE_UNTRUSTED', `the certificate of ${context} is not trusted: ${text}`, {
      hint: 'put its authority into the kubeconfig: oc login --certificate-authority=FILE, or set NODE_EXTRA_CA_CERTS=FILE',
      cause: error,
    });
  }
  return new PaudeError(
    'BACKEND_UNREACHABLE',
    `the API server of ${context} can't be reached to ${what}: ${text}`,
    {
      hint: 'is the network up, and the cluster? kubectl cluster-info, or oc whoami',
      cause: error,
    },
  );
}
