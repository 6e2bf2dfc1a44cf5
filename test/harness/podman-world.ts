/** What `npm test` got ready for the tests on Podman, or the reason why they are skipped. */
export const podmanSkip: string | undefined =
  process.env['PAUDE_TEST_SKIP'] ??
  (process.env['PAUDE_TEST_IMAGE'] ? undefined : 'run it with npm test, which prepares Podman and the image');

export const testImage = process.env['PAUDE_TEST_IMAGE'] ?? '';

/** The image of a session's proxy. */
export const testProxyImage = process.env['PAUDE_TEST_PROXY_IMAGE'] ?? '';

/** The podman of a user of the tests' own, which is not root. */
export const rootlessPodman = process.env['PAUDE_TEST_ROOTLESS'] ?? 'podman';

/** Why there is none. */
export const rootlessSkip: string | undefined =
  process.env['PAUDE_TEST_ROOTLESS_SKIP'] ??
  (process.env['PAUDE_TEST_ROOTLESS']
    ? undefined
    : 'run it with npm test, which prepares a user without root');
