import type { Architecture } from '../agents/agent.ts';
import { isPaudeError, PaudeError } from '../errors.ts';
import type { OwnImage } from '../image/old-images.ts';
import type { EnsureImage } from '../session/create-session.ts';
import type { Description } from '../session/session.ts';
import { flagWord } from '../printable.ts';
import { age } from '../ui/age.ts';
import { printTable } from '../ui/table.ts';
import type { Command, Context } from './command.ts';
import { describe } from './describe.ts';
import { sessionsAnywhere } from './which-session.ts';

/** Prints the session's image, and its proxy's. */
export const imageBuild: Command = async (context) => {
  const { build, buildProxy } = await context.images();
  const settings = await context.settings();
  const { backend, platform } = settings.values;
  // Sessions on Podman are of its own machine.
  const asked = backend === 'podman' || platform === undefined ? undefined : String(platform);
  const architecture = asked?.replace('linux/', '') as Architecture | undefined;
  const each = [build, buildProxy].map<EnsureImage>(
    (make) => (description, report, signal) => make(description, report, signal, architecture),
  );
  return printed(context, describe(settings, 'podman'), each);
};

/** The same, as a cluster's nodes pull them. */
export const imagePush: Command = async (context) => {
  const { carried, carriedProxy } = await context.images();
  const description = describe(await context.settings(), 'kubernetes');
  return printed(context, description, [carried, carriedProxy]);
};

async function printed(
  { report, signal, quiet, output }: Context,
  description: Description,
  each: readonly EnsureImage[],
): Promise<number> {
  const references: string[] = [];
  for (const ensure of each) references.push(await ensure(description, report, signal));
  quiet();
  for (const reference of references) output.print(reference);
  return 0;
}

export const imageCheck: Command = async (context, { args }) => {
  const [ref] = args;
  if (ref === undefined) {
    throw new PaudeError('USAGE', 'image check needs the reference of an image', {
      hint: 'git paude image check REF',
    });
  }
  const { missingIn } = await context.images();
  const { kind, missing } = await missingIn(ref, context.signal);
  const { whose } = await import('../image/check-image.ts');
  context.quiet();
  for (const one of missing) context.output.print(one);
  context.output.say(
    missing.length === 0
      ? `${ref} has what ${whose(kind)} needs`
      : `${ref} lacks this of what ${whose(kind)} needs`,
  );
  return missing.length === 0 ? 0 : 1;
};

export const imageList: Command = async (context, { flags }) => {
  const [images, used] = [await ownImages(context), await usedImages(context)];
  context.quiet();
  const rows = images.map((image) => ({ ...image, used: image.names.some((name) => used.has(name)) }));
  if (flags.get('json') === true) {
    context.output.json(
      rows.map(({ where, reference, size, created, used: is }) => ({
        where,
        reference,
        size,
        created,
        used: is,
      })),
    );
    return 0;
  }
  const now = new Date();
  printTable(
    context.output,
    ['IMAGE', 'WHERE', 'SIZE', 'AGE', 'USED'],
    rows.map(({ reference, where, size, created, used: is }) => [
      reference,
      where,
      megabytes(size),
      age(created, now),
      is ? 'yes' : 'no',
    ]),
  );
  return 0;
};

export const imagePrune: Command = async (context, { flags }) => {
  const { output, signal } = context;
  const really = flags.get('confirm') === true;
  // What uses an image must be known whole: where somebody can't be asked, nothing is removed.
  const used = await usedImages(context);
  const { prune } = await import('../image/old-images.ts');
  const { removed, kept } = await prune(await ownImages(context), used, really, signal);
  context.quiet();
  for (const { image, why } of kept) output.say(`kept: ${image.reference}: ${why}`);
  for (const { reference } of removed) output.print(reference);
  if (!really && removed.length > 0)
    // They say which registry is meant.
    output.say(
      `nothing was removed; these would be: ${['git paude image prune', ...[...flags].map(flagWord), '--confirm'].join(' ')}`,
    );
  return 0;
};

/** Ours, here and in the registry that the settings come to. */
async function ownImages(context: Context): Promise<readonly OwnImage[]> {
  const { here, there } = await context.images();
  const { values } = await context.settings();
  const found = [...(await here(context.signal))];
  if (values.backend === 'podman') return found;
  try {
    found.push(...(await there(context.report, context.signal)));
  } catch (error) {
    if (!isPaudeError(error) || context.signal.aborted) throw error;
    context.output.say(`the registry can't be looked at: ${error.message}`);
  }
  return found;
}

async function usedImages(context: Context): Promise<ReadonlySet<string>> {
  const { found, whole } = await sessionsAnywhere(context);
  if (!whole) throw notWhole();
  const images = found.flatMap(({ image, egress }) => [
    image,
    ...(egress === undefined ? [] : [egress.image]),
  ]);
  return new Set(images.flatMap((image) => [image, `localhost/${image}`]));
}

function notWhole(): PaudeError {
  return new PaudeError(
    'BACKEND_UNREACHABLE',
    'not every place where you have sessions could be asked which images they use',
    {
      hint: 'git paude list names them; of one that is no more, remove the line from ~/.config/paude/places.jsonl, or its git remote',
    },
  );
}

function megabytes(size: number): string {
  return `${Math.round(size / 1e6)} MB`;
}
