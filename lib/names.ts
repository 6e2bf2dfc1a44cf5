import { PaudeError } from './errors.ts';

declare const checked: unique symbol;
type Checked<Kind extends string> = string & { readonly [checked]: Kind };

/** A session's name: a DNS label (RFC 1123) of at most 40 characters. */
export type SessionName = Checked<'session'>;
/** An amount with Kubernetes' suffixes, such as `512Mi`, `4Gi` or `1500m`. */
export type Quantity = Checked<'quantity'>;
/** A git object id, SHA-1 or SHA-256. */
export type ObjectId = Checked<'oid'>;

export const longestSessionName = 40;

/** Checks a session's name. Throws NAME_INVALID with the reason and a name that would do. */
export function sessionName(text: string): SessionName {
  const reason = whyNotASessionName(text);
  if (reason === undefined) return text as SessionName;
  const suggestion = suggestSessionName(text);
  throw new PaudeError('NAME_INVALID', `${JSON.stringify(text)} is not a session name: ${reason}`, {
    hint: `a name that would do: ${suggestion}`,
  });
}

function whyNotASessionName(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > longestSessionName) return `it has more than ${longestSessionName} characters`;
  if (/[A-Z]/.test(text)) return 'it has capital letters';
  if (!/^[a-z0-9-]+$/.test(text)) return 'only a-z, 0-9 and - may stand in it';
  if (!/^[a-z0-9]/.test(text)) return 'it does not begin with a letter or digit';
  if (!/[a-z0-9]$/.test(text)) return 'it does not end with a letter or digit';
  return undefined;
}

/** The nearest valid name to any text; `taken` tells which are in use already, and gets a number added. */
export function suggestSessionName(
  text: string,
  taken: (name: string) => boolean = () => false,
): SessionName {
  const label = text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '');
  const base = cut(label, longestSessionName) || 'session';
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`;
    const name = cut(base, longestSessionName - suffix.length) + suffix;
    if (!taken(name)) return name as SessionName;
  }
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-+$/, '');
}

/** Whether a text can be the name of a namespace: a DNS label (RFC 1123). It stands in paths of the API as it is. */
export function isNamespace(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

const quantityPattern = /^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;
const factors: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Checks an amount in Kubernetes' notation. Throws USAGE. */
export function quantity(text: string): Quantity {
  if (quantityPattern.test(text) && quantityValue(text as Quantity) > 0) return text as Quantity;
  throw new PaudeError('USAGE', `${JSON.stringify(text)} is not an amount`, {
    hint: 'write it as Kubernetes does: 512Mi, 4Gi, 1500m',
  });
}

/** The number that an amount stands for: bytes, or CPUs. */
export function quantityValue(amount: Quantity): number {
  const [, number, suffix] = quantityPattern.exec(amount) ?? [];
  return Number(number) * (suffix === undefined ? 1 : (factors[suffix] ?? 1));
}

/** Checks a git object id. Throws GIT_FAILED: only git itself makes them. */
export function objectId(text: string): ObjectId {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return text as ObjectId;
  throw new PaudeError('GIT_FAILED', `${JSON.stringify(text)} is not an object id`);
}
