/** What `npm test` got ready for the tests on Podman, or the reason why they are skipped. */
export const podmanSkip: string | undefined =
  process.env['PAUDE_TEST_SKIP'] ??
  (process.env['PAUDE_TEST_IMAGE'] ? undefined : 'run it with npm test, which prepares Podman and the image');

export const testImage = process.env['PAUDE_TEST_IMAGE'] ?? '';
