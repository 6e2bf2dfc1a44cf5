/** What the API server says of a failure: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusObject {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/** A request that was refused, in the API server's own words. */
export class ApiStatus extends Error {
  override readonly name = 'ApiStatus';
  /** The HTTP status. */
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: StatusObject['details'];
  /** Such as `GET /api/v1/…`. */
  readonly request: string;
  /** False when no Kubernetes spoke, but a proxy or a balancer before it. */
  readonly fromKubernetes: boolean;

  constructor(request: string, code: number, status: StatusObject | undefined, text = '') {
    super(status?.message || text.trim().slice(0, 500) || `${request} was answered ${code}`);
    this.code = code;
    this.reason = status?.reason;
    this.details = status?.details;
    this.request = request;
    this.fromKubernetes = status !== undefined;
  }
}

/** What comes on exec's status channel, once it is whole: a Status that does not say what kind it is. */
export function parseOutcome(text: string): StatusObject | undefined {
  try {
    return JSON.parse(text) as StatusObject;
  } catch {
    return undefined;
  }
}

/** An answer's body as a Status, if it is one. */
export function parseStatus(text: string): StatusObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status'
      ? (parsed as StatusObject)
      : undefined;
  } catch {
    return undefined;
  }
}
