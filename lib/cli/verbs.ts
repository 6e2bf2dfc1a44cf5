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
    flags: [{ name: 'detach', help: 'do not connect' }],
    common: true,
    load: async () => (await import('../commands/start.ts')).start,
  },
  {
    verb: 'connect',
    args: ['[NAME]'],
    help: "start it if need be, and attach to the agent's terminal",
    flags: [],
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
    flags: [{ name: 'confirm', help: 'really remove it' }],
    common: true,
    load: async () => (await import('../commands/delete.ts')).remove,
  },
  {
    verb: 'list',
    args: [],
    help: 'show all sessions',
    flags: [json],
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
    verb: 'exec',
    args: ['[NAME]', '-- COMMAND…'],
    help: 'run a command in a session',
    flags: [],
    common: false,
    load: async () => (await import('../commands/exec.ts')).exec,
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
