// What the values of settings look like. Each message goes on from the value: `5 is not text`.
import * as v from 'valibot';
import { isNamespace, quantity } from '../names.ts';

export const amount = v.pipe(
  v.string('is not text'),
  v.check((text) => {
    try {
      quantity(text);
      return true;
    } catch {
      return false;
    }
  }, 'is not an amount; write 512Mi, 4Gi, 1500m'),
);
export const text = v.pipe(
  v.string('is not text'),
  v.nonEmpty('is empty'),
  v.regex(/^[^\p{Cc}]*$/u, 'has control characters in it'),
  v.regex(/^[^-]/, 'begins with -'),
);
export const lines = v.array(
  v.pipe(v.string('is not text'), v.regex(/^[^\n\0]*$/, 'has a line break in it')),
  'is not a list',
);
/** Debian policy, 5.6.7: names of packages; a version or an architecture may follow. */
export const packages = v.array(
  v.pipe(
    v.string('is not text'),
    v.regex(
      /^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?$/,
      'is not the name of a Debian package',
    ),
  ),
  'is not a list',
);
export const flag = v.boolean('is not true or false');
export const whole = v.pipe(
  v.number('is not a number'),
  v.safeInteger('is not a whole number'),
  v.minValue(1, 'is less than 1'),
);
export const version = v.pipe(
  v.string('is not text'),
  v.regex(/^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$/, 'is not a version such as 2.1.330'),
);
/** The name of an object of a cluster (RFC 1123 subdomain). */
export const objectName = v.pipe(
  v.string('is not text'),
  v.maxLength(253, 'is too long for a name'),
  v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is not the name of an object'),
);
export const namespace = v.pipe(
  v.string('is not text'),
  v.check(isNamespace, 'is not the name of a namespace'),
);
