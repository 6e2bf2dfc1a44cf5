import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Outside } from '../outside/outside.ts';
import type { Ground } from './ground.ts';
import { World } from './world.ts';

interface Program {
  readonly run: string;
  readonly agent?: RegExp;
  readonly clear?: true;
}

/**
 * Real programs: HOST stands for the host that they ask. What they ask is not what they look for; that they come there,
 * by the name that they give themselves, shows that they found the proxy and trust the authority.
 */
const inEveryImage: Readonly<Record<string, Program>> = {
  curl: { run: 'curl -s https://HOST/who', agent: /curl/ },
  git: { run: 'git ls-remote https://HOST/repository.git', agent: /git\// },
  npm: { run: 'npm view --registry https://HOST/ some-package', agent: /npm\// },
  pip: { run: 'pip download --retries 0 --index-url https://HOST/simple some-package', agent: /pip\// },
  'python3, with what it has': {
    run: 'python3 -c "import urllib.request as r; r.urlopen(\'https://HOST/who\')"',
    agent: /Python-urllib/,
  },
  apt: {
    run: 'apt-get -o Acquire::Retries=0 -o APT::Sandbox::User= $APT update',
    agent: /APT-HTTP/,
  },
  'apt, in the clear': {
    run: 'apt-get -o Acquire::Retries=0 -o APT::Sandbox::User= $APT update',
    agent: /APT-HTTP/,
    clear: true,
  },
};

/** Those that a repository brings. */
const packages = ['cargo', 'golang-go', 'default-jdk-headless'];
const broughtPrograms: Readonly<Record<string, Program>> = {
  'cargo, for a registry': {
    run: 'cargo install --index sparse+https://HOST/index/ some-crate',
    agent: /cargo/,
  },
  'cargo, for git': { run: 'cargo install --git https://HOST/repository.git', agent: /git2-curl|libgit2/ },
  go: { run: 'GOPROXY=https://HOST go list -m example.org/module@v1.0.0', agent: /Go-http-client/ },
  'go, without a proxy of modules': {
    run: 'GOPROXY=direct go list -m HOST/module@v1.0.0',
    agent: /Go-http-client/,
  },
  'java, by URL': { run: 'java /tmp/Ask.java https://HOST/who', agent: /Java\/\d/ },
  'java, by HttpClient': { run: 'java /tmp/Client.java https://HOST/who', agent: /Java-http-client/ },
};

const java = `cat >/tmp/Ask.java <<'END'
public class Ask {
  public static void main(String[] a) throws Exception { new java.net.URL(a[0]).openStream().readAllBytes(); }
}
END
cat >/tmp/Client.java <<'END'
import java.net.http.*;
public class Client {
  public static void main(String[] a) throws Exception {
    var request = HttpRequest.newBuilder(java.net.URI.create(a[0])).build();
    HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
  }
}
END
`;

/** Where apt keeps what it fetches, as a user who is not root; and one source. */
const apt = (url: string) => `mkdir -p /tmp/apt/lists/partial /tmp/apt/archives/partial
echo 'deb [trusted=yes] ${url} stable main' >/tmp/apt/sources.list
APT='-o Dir::Etc::SourceList=/tmp/apt/sources.list -o Dir::Etc::SourceParts=- -o Dir::State::Lists=/tmp/apt/lists -o Dir::Cache=/tmp/apt'
`;

/** Whose session finds its way out by itself; where its image can be made here, with the programs that a repository brings. */
export function programsJourney(test: Suite, ground: Ground, open: () => Outside, brings: boolean): void {
  const it = test.skipIf(ground.skip);
  let outside: Outside;
  let world: World;
  let name: string;

  test.before(() => {
    if (ground.skip !== undefined) return;
    outside = open();
    world = new World(ground);
    name = world.session('programs');
  });
  test.after(() => {
    if (ground.skip !== undefined) return;
    world?.end();
    outside?.end();
  });

  it(brings ? 'a repository brings cargo, go and java' : 'a session with what every image has', () => {
    if (brings) {
      writeFileSync(join(world.repository, '.paude.json'), JSON.stringify({ packages }));
      assert.is(world.paude('trust').code, 0);
    }
    const allowed = outside.name('first');
    const created = world.paude('create', name, '--allow', allowed, '--allow', `${allowed}:80`);
    assert.is(created.code, 0, created.stderr);
    // An image is built with the names of the internet; only the proxy asks the tests' name server.
    const { CONTAINERS_CONF } = outside.env;
    const env = CONTAINERS_CONF === undefined ? {} : { CONTAINERS_CONF };
    const started = world.run('git', ['paude', 'start', name, '--detach'], world.repository, env);
    assert.is(started.code, 0, started.stderr);
  });

  const programs = { ...inEveryImage, ...(brings && broughtPrograms) };
  Object.entries(programs).forEach(([program, { run, agent, clear }], index) => {
    it(`${program} finds the proxy`, () => {
      const ask = (host: string) => {
        const prepare = apt(`${clear === true ? 'http' : 'https'}://${host}`) + java;
        const script = `cd /tmp && { ${prepare}} && timeout 60 ${run.replaceAll('HOST', host).replace(/^(\S+=\S+) /, 'env $1 ')}`;
        const { stdout, stderr } = world.paude('exec', name, '--', 'sh', '-c', script);
        return stdout + stderr;
      };
      const [allowed, forbidden] = [outside.name('first'), `p${index}.evil.test`];
      const before = outside.asked().length;
      const said = ask(allowed);
      const asked = outside
        .asked()
        .slice(before)
        .split('\n')
        .filter((line) => line.startsWith('asked ') && line.includes(clear === true ? 'plain' : allowed));
      assert.ok(
        agent === undefined || asked.some((line) => agent.test(line)),
        `${asked.join('\n')}\n${said}`,
      );
      ask(forbidden);
      const { blocked } = JSON.parse(world.paude('network', name, '--json').stdout) as {
        blocked: { host: string; port: number }[];
      };
      const entry = blocked.find(({ host }) => host === forbidden);
      assert.is(entry?.port, clear === true ? 80 : 443, `${forbidden} was not asked for`);
    });
  });
}
