import type { Command } from '../commands/command.ts';

export interface Flag {
  readonly name: string;
  /** What stands for its value; without one it is a switch. */
  readonly value?: string;
  readonly help: string;
}

export interface VerbEntry {
  /** One word or two: `remote add`. */
  readonly verb: string;
  /** The arguments, as the help shows them; a name in angle brackets is required. */
  readonly args: readonly string[];
  readonly help: string;
  /** The switches of this verb that are no settings. */
  readonly flags: readonly Flag[];
  /** Whether `git paude` alone shows it. */
  readonly common: boolean;
  /** Not for people: no help shows it. */
  readonly hidden?: boolean;
  readonly load: () => Promise<Command>;
}

const noSync: Flag = { name: 'no-sync', help: 'send nothing of your credentials and configuration' };
/** The words of lib/egress/host-groups.ts; here as text, so that help reads no other file. */
const words = 'or all of: googleapis, npm, pypi, debian, github, crates, golang';
const json: Flag = { name: 'json', help: 'print JSON' };

/** Every verb. Its file is read when it is called. */
export const verbs: readonly VerbEntry[] = [
  {
    verb: 'create',
    args: ['[NAME]'],
    help: 'describe a session; nothing runs yet',
    flags: [],
    common: true,
    load: async () => (await import('../commands/create.ts')).create,
  },
  {
    verb: 'start',
    args: ['[NAME]'],
    help: 'start a session, and connect on a terminal',
    flags: [{ name: 'detach', help: 'do not connect' }, noSync],
    common: true,
    load: async () => (await import('../commands/start.ts')).start,
  },
  {
    verb: 'connect',
    args: ['[NAME]'],
    help: "start it if need be, and attach to the agent's terminal",
    flags: [noSync],
    common: true,
    load: async () => (await import('../commands/connect.ts')).connect,
  },
  {
    verb: 'stop',
    args: ['[NAME]'],
    help: 'stop a session and keep its files',
    flags: [],
    common: true,
    load: async () => (await import('../commands/stop.ts')).stop,
  },
  {
    verb: 'delete',
    args: ['<NAME>'],
    help: 'remove a session with all its files',
    flags: [
      { name: 'confirm', help: 'really remove it' },
      { name: 'not-mine', help: 'even though somebody else made it' },
    ],
    common: true,
    load: async () => (await import('../commands/delete.ts')).remove,
  },
  {
    verb: 'list',
    args: [],
    help: 'show all sessions',
    flags: [json, { name: 'all-namespaces', help: 'of every namespace of the cluster' }],
    common: true,
    load: async () => (await import('../commands/list.ts')).list,
  },
  {
    verb: 'remote add',
    args: ['[NAME]'],
    help: "add a session's git remote",
    flags: [],
    common: true,
    load: async () => (await import('../commands/remote.ts')).remoteAdd,
  },
  {
    verb: 'remote list',
    args: [],
    help: 'show the remotes that are sessions',
    flags: [json],
    common: false,
    load: async () => (await import('../commands/remote.ts')).remoteList,
  },
  {
    verb: 'remote remove',
    args: ['<NAME>'],
    help: "remove a session's remote; the session stays",
    flags: [],
    common: false,
    load: async () => (await import('../commands/remote.ts')).remoteRemove,
  },
  {
    verb: 'remote cleanup',
    args: [],
    help: 'remove the remotes whose session is gone',
    flags: [],
    common: false,
    load: async () => (await import('../commands/remote.ts')).remoteCleanup,
  },
  {
    verb: 'network',
    args: ['[NAME]'],
    help: 'show and change what a session may reach, and what it was refused',
    flags: [
      { name: 'allow', value: 'HOST', help: `allow HOST, HOST:PORT, *.DOMAIN, private:HOST, ${words}` },
      { name: 'deny', value: 'HOST', help: 'take that back, and close what is open to it' },
      json,
    ],
    common: true,
    load: async () => (await import('../commands/network.ts')).network,
  },
  {
    verb: 'exec',
    args: ['[NAME]', '-- COMMAND…'],
    help: 'run a command in a session',
    flags: [],
    common: false,
    load: async () => (await import('../commands/exec.ts')).exec,
  },
  {
    verb: 'sync',
    args: ['[NAME…]'],
    help: 'send your credentials to running sessions',
    flags: [
      { name: 'full', help: 'the configuration, too, where it has changed' },
      { name: 'dry-run', help: 'only show which files would go, which stay, and why' },
    ],
    common: true,
    load: async () => (await import('../commands/sync.ts')).sync,
  },
  {
    verb: 'hooks install',
    args: [],
    help: 'refresh credentials at each checkout of a branch, by a hook of this repository',
    flags: [{ name: 'chain', help: 'where there is a hook already, run it first' }],
    common: false,
    load: async () => (await import('../commands/hooks.ts')).hooksInstall,
  },
  {
    verb: 'hooks uninstall',
    args: [],
    help: 'remove the hook, and put back the one that was there before',
    flags: [],
    common: false,
    load: async () => (await import('../commands/hooks.ts')).hooksUninstall,
  },
  {
    verb: 'hooks status',
    args: [],
    help: 'show whether the hook is installed, and what it did last',
    flags: [],
    common: false,
    load: async () => (await import('../commands/hooks.ts')).hooksStatus,
  },
  {
    verb: 'hooks run',
    args: [],
    help: 'refresh the running sessions of this repository; run by the hook itself',
    flags: [],
    common: false,
    hidden: true,
    load: async () => (await import('../commands/hook-run.ts')).hookRun,
  },
  {
    verb: 'image build',
    args: [],
    help: "build the session's image here",
    flags: [],
    common: false,
    load: async () => (await import('../commands/image.ts')).imageBuild,
  },
  {
    verb: 'image push',
    args: [],
    help: 'build it, and bring it to where the nodes of the cluster pull it',
    flags: [],
    common: false,
    load: async () => (await import('../commands/image.ts')).imagePush,
  },
  {
    verb: 'image list',
    args: [],
    help: 'show the images of git-paude, here and in the registry',
    flags: [json],
    common: false,
    load: async () => (await import('../commands/image.ts')).imageList,
  },
  {
    verb: 'image prune',
    args: [],
    help: 'remove the images of git-paude that no session uses',
    flags: [{ name: 'confirm', help: 'really remove them' }],
    common: false,
    load: async () => (await import('../commands/image.ts')).imagePrune,
  },
  {
    verb: 'image check',
    args: ['<REF>'],
    help: 'say what a session needs and a ready image lacks',
    flags: [],
    common: false,
    load: async () => (await import('../commands/image.ts')).imageCheck,
  },
  {
    verb: 'config',
    args: [],
    help: 'show every setting and where it came from',
    flags: [json],
    common: false,
    load: async () => (await import('../commands/config.ts')).config,
  },
  {
    verb: 'trust',
    args: [],
    help: "allow this repository's .paude.json as it now is",
    flags: [{ name: 'show', help: 'only show what it asks for' }],
    common: false,
    load: async () => (await import('../commands/trust.ts')).trust,
  },
  {
    verb: 'lfs-agent',
    args: [],
    help: 'refuse the objects of git-lfs; run by git-lfs itself',
    flags: [],
    common: false,
    hidden: true,
    load: async () => (await import('../commands/lfs-agent.ts')).lfsAgent,
  },
];
