import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { Io } from './io.ts';
import type { Where } from './locate.ts';

export const GROUPS = ['Start', 'Follow', 'Steer', 'Guard', 'Judge', 'Other'] as const;
export type Group = (typeof GROUPS)[number];

/** What a command takes and does; how it is called and what it is for is its title. */
export type Verb = {
  /** Its options; the ones that every command has come by themselves. */
  configure?(command: Command): void;
  /** Resolves to the exit code. */
  run(context: Context): Promise<number>;
};

export type Context = {
  readonly io: Io;
  readonly where: Where;
  readonly client: Client;
  readonly json: boolean;
  /** What commander read, in the order of the arguments; left out is undefined. */
  readonly args: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
};

/** Results for programs: one JSON object, `schema` first. */
export function printJson(io: Io, value: Readonly<Record<string, unknown>>): void {
  io.out(`${JSON.stringify({ schema: 1, ...value })}\n`);
}
