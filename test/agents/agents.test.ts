import * as assert from 'uvu/assert';
import { agentNamed, agents } from '../../lib/agents/agents.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { suite } from '../harness/suite.ts';

const test = suite('agents');

test('an unknown agent is refused with those that there are, names of Object’s among them', () => {
  for (const name of ['cursor', 'toString', '__proto__', '']) {
    try {
      agentNamed(name);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPaudeError(error, 'USAGE'), String(error));
    }
  }
  assert.is(agentNamed('claude').name, 'claude');
});

test('no secret is among the plain names of the shell, and the integrity of each package is one', () => {
  for (const agent of Object.values(agents)) {
    assert.equal(
      agent.fromShell.filter((name) => /KEY|TOKEN(?!S)|SECRET|PASSWORD/.test(name)),
      [],
    );
    for (const { integrity } of Object.values(agent.packages))
      assert.match(integrity, /^sha512-[\w+/]{86}==$/);
  }
});

test('what makes a login needless goes into the session, and so does where its API is, for each provider', () => {
  for (const { fromShell, configuration, baseUrls, hosts } of Object.values(agents)) {
    const needed = [...configuration.loginless, ...baseUrls, ...hosts.flatMap(({ when }) => when ?? [])];
    assert.equal(
      needed.filter((name) => !fromShell.includes(name)),
      [],
    );
  }
  assert.ok(agents['claude']!.baseUrls.includes('ANTHROPIC_BEDROCK_BASE_URL'));
});

test.run();
