import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, ok, warning, type Finding } from './finding.ts';

/** Where systemd looks for units, the strongest first (systemd.unit(5)). */
export const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const UNIT = 'bascule.service';

/** Whether the machine starts the server, and would leave the applications alone when it stops it. */
export function systemdFinding(isRunning: boolean, folders: readonly string[]): Finding {
  if (!isRunning) return ok('systemd', 'this machine is not run by systemd');
  const file = folders.map((folder) => join(folder, UNIT)).find((path) => textOf(path) !== null);
  if (file === undefined)
    return warning(
      'systemd',
      `there is no ${UNIT}: nothing starts the server again`,
      'see "As a service of the machine" in docs/server.md',
    );
  const modes = [...textOf(file)!.matchAll(/^\s*KillMode\s*=\s*(\S+)\s*$/gmu)];
  const mode = modes.at(-1)?.[1] ?? 'control-group';
  if (mode === 'process') return ok('systemd', `${file}, KillMode=process`);
  return failure(
    'systemd',
    `${file} has KillMode=${mode}: stopping the server would kill the proxy and the applications`,
    `write KillMode=process under [Service] in ${file}, then systemctl daemon-reload`,
  );
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
