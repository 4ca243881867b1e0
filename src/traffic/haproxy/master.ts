import { connect } from 'node:net';
import { messageOf, OperatingError } from '../../lib/errors.ts';

const ANSWER_MS = 5000;
const MOST_ANSWER = 16 * 1024 * 1024;
/** Longer commands do not fit HAProxy's buffer where it is as small as it may be. */
const ENTRIES_AT_ONCE = 400;

export type Workers = {
  readonly master: number;
  /** The one that takes new connections, or null where none was started. */
  readonly current: number | null;
  /** That one, and former ones that end what they have. */
  readonly living: readonly number[];
  readonly failedReloads: number;
};

/** The master socket of an HAProxy in master-worker mode, and through it the Runtime API of each of its workers. */
export class MasterSocket {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Error: TRAFFIC_UNREACHABLE. */
  async workers(): Promise<Workers> {
    return parseWorkers(await this.ask('show proc'));
  }

  /** One command for one worker. Error: TRAFFIC_UNREACHABLE. */
  async tell(worker: number, command: string): Promise<string> {
    return await this.ask(`@!${worker} ${command}`);
  }

  /** Several commands, each for this worker, one after the other. */
  async tellAll(worker: number, commands: readonly string[]): Promise<string> {
    let said = '';
    for (let at = 0; at < commands.length; at += 50) {
      const some = commands.slice(at, at + 50);
      said += await this.ask(some.map((command) => `@!${worker} ${command}`).join(';'));
    }
    return said;
  }

  /** Replaces a map as a whole, at once. Errors: TRAFFIC_UNREACHABLE, TRAFFIC_NOT_SERVED. */
  async replaceMap(
    worker: number,
    file: string,
    entries: readonly (readonly [string, string])[],
  ): Promise<void> {
    const prepared = await this.tell(worker, `prepare map ${file}`);
    const version = /New version created: (\d+)/.exec(prepared)?.[1];
    if (version === undefined) throw refused('prepare map', prepared);
    for (let at = 0; at < entries.length; at += ENTRIES_AT_ONCE) {
      const lines = entries.slice(at, at + ENTRIES_AT_ONCE).map(([key, value]) => `${key} ${value}\n`);
      const said = await this.tell(worker, `add map @${version} ${file} <<\n${lines.join('')}`);
      if (said.trim() !== '') throw refused('add map', said);
    }
    const committed = await this.tell(worker, `commit map @${version} ${file}`);
    if (committed.trim() !== '') throw refused('commit map', committed);
  }

  /** What the worker's map has, or null where it has no such map or key. */
  async lookUp(worker: number, file: string, key: string): Promise<string | null> {
    return /value="([^"]*)"/.exec(await this.tell(worker, `get map ${file} ${key}`))?.[1] ?? null;
  }

  /** Sends one line, or one with its payload, whose end is an empty line, and reads to the end. Closing the writing half is what tells the master that nothing follows. */
  ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.path);
      let text = '';
      const fail = (cause: Error): void => {
        socket.destroy();
        reject(this.unreachable(cause));
      };
      socket.setTimeout(ANSWER_MS, () => fail(new Error(`no answer within ${ANSWER_MS}ms`)));
      socket.setEncoding('latin1');
      socket.on('error', fail);
      socket.on('data', (some: string) => {
        text += some;
        if (text.length > MOST_ANSWER) fail(new Error('the answer has no end'));
      });
      socket.on('end', () => resolve(text));
      socket.end(`${command}\n`);
    });
  }

  private unreachable(cause: Error): OperatingError {
    return new OperatingError(
      'TRAFFIC_UNREACHABLE',
      `HAProxy does not answer on its master socket ${this.path} (${messageOf(cause)}). If it runs, it routes as before. Is it started with -W or -Ws and "-S ${this.path}", and may this user use the socket?`,
      { retryable: true, cause },
    );
  }
}

export function parseWorkers(text: string): Workers {
  let section = '';
  let master = 0;
  let failedReloads = 0;
  let current: number | null = null;
  const living: number[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) section = line.slice(2).trim();
    const found = /^(\d+)\s+(master|worker)\b/.exec(line);
    if (found === null) continue;
    const pid = Number(found[1]);
    if (found[2] === 'master') {
      master = pid;
      failedReloads = Number(/\[failed: (\d+)\]/.exec(line)?.[1] ?? 0);
      continue;
    }
    if (section === 'workers') current ??= pid;
    living.push(pid);
  }
  return { master, current, living, failedReloads };
}

function refused(what: string, said: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_NOT_SERVED',
    `HAProxy did not take the route: "${what}" was answered with "${said.trim().slice(0, 300)}". It routes as before.`,
    { retryable: true },
  );
}
