import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { editStates } from './journal-edit.ts';
import { endByPid } from './processes.ts';
import type { Stage } from './stage.ts';
import { waitFor } from './wait-for.ts';

/**
 * As if the machine had lost its power and had come up again: everything dies at once, and what is on disk speaks of a
 * boot that is over. The boot id is the kernel's and cannot be changed, so the recorded one is.
 */
export async function turnOff(stage: Stage): Promise<void> {
  await stage.controller().stop('SIGKILL');
  await waitFor('the machine to be off', () => {
    const left = stage.world.processes();
    for (const { pid } of left) endByPid(pid);
    return left.length === 0;
  });
  const now = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const then = randomUUID();
  assert.equal(editStates(stage.stateDirectory, now, then), 1);
  const files = await readdir(stage.stateDirectory, { recursive: true });
  const kept = files.filter((file) => /^(run\/.*|(proxy|nginx)\/health)\.json$/.test(file));
  assert.ok(kept.length >= 2, kept.join(', '));
  for (const file of kept) {
    const path = join(stage.stateDirectory, file);
    const text = await readFile(path, 'utf8');
    assert.ok(text.includes(now), path);
    await writeFile(path, text.replaceAll(now, then));
  }
}
