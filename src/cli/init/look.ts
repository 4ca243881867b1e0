import type { Address } from '../../lib/address.ts';

/** A file of a proxy's configuration. */
export type ConfigText = { readonly path: string; readonly text: string };

/** A socket on which a process listens that was started in the directory of the application. */
export type Listening = {
  readonly address: Address;
  readonly pid: number;
  /** Its program, and the script that it runs. */
  readonly command: string;
  /** Connections to it that are open right now: a glimpse of its traffic. */
  readonly connections: number;
};

/** All that `init` may see. Nothing of it is run, and nothing is written. */
export type Look = {
  /** Name of the directory. */
  readonly name: string;
  /** Paths of the files in it, `/` between names, shortest first; what others wrote (node_modules, .git) left out. */
  readonly paths: readonly string[];
  /** The beginning of a file; null where there is none, or it is not text. */
  read(path: string): string | null;
  /** Whether a program of this name is on the PATH. */
  has(program: string): boolean;
  readonly nginx: readonly ConfigText[];
  readonly haproxy: readonly ConfigText[];
  /** What processes of this directory listen on. */
  readonly listening: readonly Listening[];
  /** Every port of this machine on which somebody listens. */
  readonly takenPorts: readonly number[];
};

/** A line of the application's own that shows something. */
export type Place = { readonly path: string; readonly line: number };

export function shown({ path, line }: Place): string {
  return `${path}:${line}`;
}

const SOURCES = /\.(?:py|m?[jt]s|cjs|[jt]sx|rb|ru|go|php)$/u;
const NOT_THE_APPLICATION =
  /(?:^|\/)(?:tests?|__tests__|specs?|docs?|examples?)\/|[._-](?:test|spec)\.|(?:^|\/)test_/u;
/** Most source files that are read. */
const MOST_SOURCES = 300;

/** Sources of the application, without its tests, those at the top first. */
export function sourcesOf(look: Look, form: RegExp = SOURCES): readonly string[] {
  return look.paths
    .filter((path) => SOURCES.test(path) && form.test(path) && !NOT_THE_APPLICATION.test(path))
    .slice(0, MOST_SOURCES);
}

/** The first line in these files that the expression matches, and what it found. */
export function findLine(
  look: Look,
  paths: readonly string[],
  form: RegExp,
): { readonly place: Place; readonly match: RegExpExecArray } | null {
  for (const path of paths) {
    const lines = (look.read(path) ?? '').split('\n');
    for (const [index, line] of lines.entries()) {
      const match = form.exec(line);
      if (match !== null) return { place: { path, line: index + 1 }, match };
    }
  }
  return null;
}
