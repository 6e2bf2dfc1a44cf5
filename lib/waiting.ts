/** Without it Node (20.20, 24.16, 26.8) forgets the source of a joined signal before it fires, or that it has fired. */
const sources = new WeakMap<AbortSignal, AbortController>();

/**
 * A signal that is aborted when so many milliseconds are over, or one of the others is. It keeps no program running.
 * AbortSignal.timeout is not for that: once AbortSignal.any has joined it to another one it may be collected, and never
 * fire (nodejs/node#57736; #65995 for what is collected afterwards).
 */
export function timeLimit(milliseconds: number, ...others: readonly AbortSignal[]): AbortSignal {
  const limit = new AbortController();
  const why = new DOMException(`it took longer than ${milliseconds / 1000} s`, 'TimeoutError');
  setTimeout(() => limit.abort(why), milliseconds).unref();
  const signal = AbortSignal.any([...others, limit.signal]);
  sources.set(signal, limit);
  return signal;
}

export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A promise that is settled from outside. */
export function deferred(): Deferred {
  let [resolve, reject]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
