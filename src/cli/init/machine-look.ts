import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename, delimiter, join, sep } from 'node:path';
import { describePid, listPids } from '../../workload/proc.ts';
import { countConnections, listenersOf, listListeners } from '../../workload/listeners.ts';
import type { ConfigText, Listening, Look } from './look.ts';

const MOST_PATHS = 5000;
const MOST_DEPTH = 6;
const MOST_BYTES = 256 * 1024;
const MOST_CONFIG_FILES = 200;
const NOT_OURS = new Set([
  'node_modules',
  'vendor',
  'venv',
  'env',
  '__pycache__',
  'target',
  'dist',
  'build',
  'coverage',
]);

export type Directories = {
  /** Absolute. */
  readonly application: string;
  /** Where nginx keeps its configuration; `sites-enabled` and `conf.d` in it are read. */
  readonly nginx: string;
  /** The configuration of HAProxy. */
  readonly haproxy: string;
};

/** The directory and the machine as they are. Reads only. */
export function machineLook({ application, nginx, haproxy }: Directories, searchPath: string): Look {
  return {
    name: basename(application),
    paths: walk(application),
    read: (path) => readText(join(application, path)),
    has: (program) => searchPath.split(delimiter).some((folder) => isProgram(join(folder, program))),
    nginx: ['sites-enabled', 'conf.d'].flatMap((folder) => configFiles(join(nginx, folder))),
    haproxy: configFile(haproxy),
    listening: listeningHere(application),
    takenPorts: [...new Set(listListeners().map(({ address }) => address.port))],
  };
}

/** Breadth first, so that the bound leaves out what is deepest. */
function walk(root: string): readonly string[] {
  const found: string[] = [];
  let level = [''];
  for (let depth = 0; depth < MOST_DEPTH && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      for (const entry of entriesOf(join(root, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (found.length + next.length >= MOST_PATHS) return found;
        if (entry.isFile()) found.push(path);
        else if (entry.isDirectory() && !entry.name.startsWith('.') && !NOT_OURS.has(entry.name))
          next.push(path);
      }
    }
    level = next;
  }
  return found;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // not ours to read
  }
}

/** The beginning of a regular file: a pipe or a device would never end. */
function readText(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return null;
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(MOST_BYTES);
      const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, MOST_BYTES, 0));
      return text.includes('\0') ? null : text;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function configFiles(folder: string): readonly ConfigText[] {
  return entriesOf(folder)
    .filter(({ name }) => !name.startsWith('.') && !/(?:~|\.bak|\.dpkg-\w+)$/u.test(name))
    .slice(0, MOST_CONFIG_FILES)
    .flatMap(({ name }) => configFile(join(folder, name)));
}

function configFile(path: string): readonly ConfigText[] {
  const text = readText(path);
  return text === null ? [] : [{ path, text }];
}

function listeningHere(application: string): readonly Listening[] {
  return listPids()
    .filter((pid) => pid !== process.pid && isWithin(application, cwdOf(pid)))
    .flatMap((pid) =>
      listenersOf([pid]).map((address) => ({
        address,
        pid,
        command: programOf(pid),
        connections: countConnections(address.port),
      })),
    );
}

function isWithin(folder: string, path: string | null): boolean {
  return path !== null && (path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep));
}

/** `python3 app.py`. Not the whole command line: options may hold secrets, and this goes into a file. */
function programOf(pid: number): string {
  const words = describePid(pid)
    .replace(/^pid \d+ ?\(?|\)$/gu, '')
    .split(' ');
  const [program = '', first = ''] = words;
  return first.startsWith('-') || first.includes('=')
    ? basename(program)
    : `${basename(program)} ${first}`.trim();
}

/** Null for a process that has gone or belongs to another user. */
function cwdOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
