/** Why a kubeconfig gives no connection. */
export type KubeconfigProblem =
  /** There is no kubeconfig, or it names no current context. */
  | 'missing'
  | 'unknown-context'
  /** It can't be read, or lacks what it refers to. */
  | 'invalid'
  /** It asks for what is not supported, such as the auth providers that kubectl no longer has. */
  | 'unsupported'
  /** The program that gives the credentials failed. */
  | 'plugin';

/** A kubeconfig that gives no connection. `contexts` are the ones that it has, for a hint. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
  readonly problem: KubeconfigProblem;
  readonly contexts: readonly string[];

  constructor(
    problem: KubeconfigProblem,
    message: string,
    options: { contexts?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.problem = problem;
    this.contexts = options.contexts ?? [];
  }
}
