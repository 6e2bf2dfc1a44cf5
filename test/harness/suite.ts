import { suite as uvuSuite } from 'uvu';

type Body = () => void | Promise<void>;

export interface Suite {
  (name: string, body: Body): void;
  /** A test that is skipped when there is a reason; the runner prints the reason. */
  skipIf(reason: string | undefined): (name: string, body: Body) => void;
  readonly before: { (body: Body): void; each(body: Body): void };
  readonly after: { (body: Body): void; each(body: Body): void };
  run(): void;
}

/** Only tests whose name has this text in it are run: `npm test -- FILE -t TEXT`. */
const wanted = process.env['PAUDE_TEST_NAME'] ?? '';

/** A uvu suite whose tests can be picked by name, and which says why a test was skipped. */
export function suite(title: string): Suite {
  const inner = uvuSuite(title);
  const isWanted = (name: string) => `${title} ${name}`.includes(wanted);
  const add = (name: string, body: Body) => {
    if (isWanted(name)) inner(name, async () => body());
  };
  return Object.assign(add, {
    skipIf: (reason: string | undefined) => (name: string, body: Body) => {
      if (reason === undefined) return add(name, body);
      if (!isWanted(name)) return;
      process.stdout.write(`skipped: ${title}: ${name}: ${reason}\n`);
      inner.skip(name, async () => body());
    },
    before: inner.before as unknown as Suite['before'],
    after: inner.after as unknown as Suite['after'],
    run: () => inner.run(),
  });
}
