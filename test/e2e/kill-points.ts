/**
 * Loaded into the controller before its own code (`--import`): counts the journal's commits and kills the process with
 * SIGKILL just before or just after the one that the file named by BASCULE_KILL_FILE asks for. Before a commit that
 * records what an effect came to is "between the effect and its record".
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

export type KillPlan = {
  /** Commits seen since this file was written. */
  readonly commits: number;
  /** Which of them to die at, counted from 1, or null to count only. */
  readonly killAt: number | null;
  readonly side: 'before' | 'after';
};

const file = process.env['BASCULE_KILL_FILE'];
if (file !== undefined && isMainThread && process.argv.includes('serve')) watch(file);

function watch(path: string): void {
  // oxlint-disable-next-line typescript/unbound-method -- it is called on the database that `this` is, below
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function commitOrDie(this: DatabaseSync, sql: string): void {
    if (sql !== 'COMMIT') return exec.call(this, sql);
    const former = JSON.parse(readFileSync(path, 'utf8')) as KillPlan;
    const plan = { ...former, commits: former.commits + 1 };
    writeFileSync(path, JSON.stringify(plan));
    if (plan.commits === plan.killAt && plan.side === 'before') die();
    exec.call(this, sql);
    if (plan.commits === plan.killAt && plan.side === 'after') die();
  };
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // The signal is on its way; nothing more may happen.
}
