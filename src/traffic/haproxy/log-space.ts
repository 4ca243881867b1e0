import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { parseCursor } from '../access-log/cursor.ts';

/** Space is given back in pieces of at least this much. */
const PIECE = 8 * 1024 * 1024;
const BLOCK = 4096;
const TIMEOUT_MS = 20_000;

/**
 * HAProxy cannot be told to open its log anew, so the file is never renamed: what every service's counts are past is
 * given back to the file system as a hole, and offsets stay what they are.
 */
export class LogSpace {
  /** Why it cannot be given back, or null. The file then grows until HAProxy is stopped and the file deleted. */
  trouble: string | null = null;
  private readonly file: string;
  private readonly offsets = new Map<string, number>();
  private given = 0;
  private inode = 0;
  private running = false;

  constructor(file: string) {
    this.file = file;
  }

  /** The counts up to this cursor are kept elsewhere. `services`: all whose lines are in the file. */
  passed(service: string, cursor: string, services: readonly string[]): void {
    const inode = statSync(this.file, { throwIfNoEntry: false })?.ino;
    if (inode === undefined) return;
    if (inode !== this.inode) {
      this.inode = inode;
      this.given = 0;
      this.offsets.clear();
    }
    const place = parseCursor(cursor).from.find(([one]) => one === inode);
    this.offsets.set(service, place?.[1] ?? 0);
    const least = Math.min(...services.map((name) => this.offsets.get(name) ?? 0));
    const upTo = Math.floor(least / BLOCK) * BLOCK;
    if (upTo - this.given >= PIECE && !this.running) this.give(upTo);
  }

  forget(service: string): void {
    this.offsets.delete(service);
  }

  private give(upTo: number): void {
    this.running = true;
    const args = ['--punch-hole', '--offset', '0', '--length', String(upTo), this.file];
    const child = spawn('fallocate', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: TIMEOUT_MS });
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      if (said.length < 1000) said += text.toString('latin1');
    });
    const over = (trouble: string | null): void => {
      this.running = false;
      this.trouble = trouble;
      // Not asked for again until there is another piece.
      this.given = upTo;
    };
    child.once('error', (error) => over(error.message));
    child.once('close', (code) => over(code === 0 ? null : said.trim()));
  }
}
