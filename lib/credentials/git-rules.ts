import type { GitEntry } from './host.ts';

/** Why an entry of the user's configuration of git can't work in a session; undefined where it can. */
export function whyNot({ key, value }: GitEntry): string | undefined {
  const [rule] = rules.filter((one) => one.key.test(key) && (one.value?.test(value ?? '') ?? true));
  return rule?.why;
}

const signing = 'its keys are not in the session';
const program = 'a program of this machine';
const network = 'the session has a network of its own';
const secret = 'it may hold a secret of another host';

/** Keys are as git prints them: section and name in lower case. The first that fits counts. */
const rules: readonly { readonly key: RegExp; readonly value?: RegExp; readonly why: string }[] = [
  { key: /^include\./, why: 'what it includes goes itself' },
  { key: /^includeif\./, why: 'what it includes goes itself, where its condition holds' },
  { key: /^credential\./, why: 'a credential helper of this machine' },
  { key: /^core\.hookspath$/, why: 'hooks of this machine' },
  { key: /^(commit|tag|push)\.gpgsign$|^tag\.forcesignannotated$|^user\.signingkey$|^gpg\./, why: signing },
  { key: /^log\.showsignature$|^(merge|pull)\.verifysignatures$/, why: signing },
  {
    key: /^core\.(sshcommand|askpass|editor|pager|fsmonitor|alternaterefscommand|gitproxy)$/,
    why: program,
  },
  // Each fetch from the session would fail there.
  { key: /^uploadpack\.packobjectshook$/, why: program },
  { key: /^(pager|difftool|mergetool|filter|browser|web|man|instaweb|sendemail|hook)\./, why: program },
  {
    key: /^(sequence\.editor|interactive\.difffilter|diff\.external|(diff|merge)\.(gui)?tool)$/,
    why: program,
  },
  { key: /^(diff|merge)\..*\.(command|textconv|driver)$/, why: program },
  { key: /^http\.(.*\.)?(proxy.*|ssl.*|cookiefile)$|^remote\..*\.proxy$/, why: network },
  { key: /^http\.(.*\.)?extraheader$/, why: secret },
  { key: /^url\.https?:\/\/[^/]*@.*\.(push)?insteadof$/, why: secret },
  {
    key: /^url\.(ssh:|git\+ssh:|ssh\+git:|[^/:]+@|[^/]*[^/:]:(?!\/\/)).*\.(push)?insteadof$/,
    why: 'SSH is not available in a session',
  },
  { key: /^(remote|branch\..*|submodule|paude|lfs|maintenance)\./, why: 'of use on this machine only' },
  {
    key: /^core\.(excludesfile|attributesfile)$|^commit\.template$|^init\.templatedir$/,
    why: 'a path of this machine',
  },
  { key: /./, value: /^(!\s*["']?)?(~|\/|file:\/\/|[A-Za-z]:[\\/])/, why: 'a path of this machine' },
  { key: /^url\.(~|\/|file:)/, why: 'a path of this machine' },
];
