import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { formatLocation, parseLocation, type Location } from '../../lib/session/location.ts';
import { suite } from '../harness/suite.ts';

const test = suite('location');

test('a URL says everything, and comes back as it was', () => {
  const locations: readonly Location[] = [
    { backend: 'podman', name: sessionName('fix-auth') },
    {
      backend: 'kubernetes',
      context: 'my-ns/api-example-com:6443/me@example.com',
      namespace: 'my-ns',
      name: sessionName('x'),
    },
    { backend: 'kubernetes', context: 'ä 100%/../?#', namespace: 'n', name: sessionName('x') },
  ];
  for (const location of locations) {
    const url = formatLocation(location);
    assert.match(url, /^paude:\/\/[A-Za-z0-9%/._~!*'()-]+$/);
    assert.equal(parseLocation(url), location);
    assert.equal(parseLocation(url.replace('paude://', '')), location);
  }
});

test('openshift is another name of kubernetes', () => {
  assert.equal(parseLocation('paude://openshift/c/n/x'), parseLocation('paude://kubernetes/c/n/x'));
});

test('anything else is refused with the full form', () => {
  const wrong = [
    'fix-auth',
    '',
    'podman',
    'podman/',
    'podman//x',
    'podman/a/b',
    'paude://docker/x',
    'paude://podman/x/',
    'paude://podman/x?y',
    'paude://user@podman/x',
    'paude://podman/%',
    'paude://podman/a%0ab',
    'paude://podman/a%2fb',
    'paude://kubernetes/c/n',
    'paude://kubernetes//n/x',
    'paude://kubernetes/c//x',
    'paude://kubernetes/c/N/x',
    'paude://kubernetes/c/n/x/y',
    'paude://kubernetes/c%00/n/x',
    '--upload-pack=touch /tmp/x',
    'PAUDE://podman/x',
  ];
  for (const url of wrong) {
    assert.throws(
      () => parseLocation(url),
      (error: unknown) => isPaudeError(error, 'URL_INVALID') || isPaudeError(error, 'NAME_INVALID'),
      url,
    );
  }
});

test.run();
