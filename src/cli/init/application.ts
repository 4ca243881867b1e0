import type { Look } from './look.ts';
import { nodeApplications } from './node-application.ts';
import {
  dockerApplications,
  goApplications,
  procfileApplications,
  rubyApplications,
  staticApplications,
} from './other-applications.ts';
import { pythonApplications } from './python-application.ts';

const MOST_CHARACTERS = 8000;

/** Something that can be started here. */
export type Application = {
  /** What it is, for people: `Flask`, `the web process of the Procfile`. */
  readonly what: string;
  /** The file and line that shows it. */
  readonly seenIn: string;
  /** As the shell takes it; `$PORT` in it is Bascule's. */
  readonly run: string;
  /** Once per release, before its first start; null for nothing. */
  readonly build: string | null;
  /** What somebody must know, one sentence each. */
  readonly notes: readonly string[];
};

/** Everything that can be started here, the most explicit first: the first one is proposed. */
export function applicationsIn(look: Look): readonly Application[] {
  const all = [
    ...procfileApplications(look),
    ...nodeApplications(look),
    ...pythonApplications(look),
    ...rubyApplications(look),
    ...goApplications(look),
    ...dockerApplications(look),
    ...staticApplications(look),
  ];
  return all.filter(({ run }) => isUsable(run));
}

/** Whether the file can hold this command: one line of text. */
export function isUsable(command: string): boolean {
  return command.trim() !== '' && command.length <= MOST_CHARACTERS && !/\p{Cc}/u.test(command);
}
