import { readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseServerFile, type ServerFile } from '../../controller/server-file.ts';
import { inspectJournal } from '../../journal/inspect.ts';
import { messageOf } from '../../lib/errors.ts';
import { readStat } from '../../workload/proc.ts';
import { clockFinding, type Times } from './clock.ts';
import { failure, ok, type Finding, type Server } from './finding.ts';
import { journalFinding } from './journal.ts';
import { filesFinding } from './limits.ts';
import { releasedServices, runningFor, textOf } from './processes.ts';
import { nodeFinding, programFindings } from './programs.ts';
import { serverFinding, socketFinding } from './reach.ts';
import { stateDirectoryFindings } from './state-directory.ts';
import { systemdFinding, UNIT_FOLDERS } from './systemd.ts';
import { certificateFindings, leftoverFinding, portFindings, proxyFinding } from './traffic.ts';

export type Scene = {
  readonly stateDir: string;
  readonly server: Server;
  /** Of the command. */
  readonly version: string;
  readonly path: string;
  readonly nowMs: number;
};

const MOST_WORKERS = 4;
const TICKS_PER_SECOND = 100;

/** Everything that the doctor looks at. Reads only. */
export async function lookOver(scene: Scene): Promise<readonly Finding[]> {
  const { stateDir, server, version, path, nowMs } = scene;
  const running = runningFor(stateDir);
  const { file, finding } = serverFile(stateDir);
  const workers = file?.proxyWorkers ?? Math.min(MOST_WORKERS, availableParallelism());
  const slotPorts = file?.slotPorts ?? { from: 8200, to: 8999 };
  return [
    nodeFinding(process.versions.node),
    ...(await programFindings(path)),
    ...stateDirectoryFindings(stateDir, process.geteuid?.() ?? 0),
    finding,
    socketFinding(stateDir),
    serverFinding(server, version),
    journalFinding(server, () => inspectJournal(stateDir)),
    clockFinding(timesOf(stateDir, server, nowMs)),
    filesFinding(textOf(`/proc/${server.reached ? server.info.pid : 'self'}/limits`), replicasOf(server)),
    proxyFinding(server, running, { workers, version }),
    ...portFindings(server, running, slotPorts),
    ...certificateFindings(server, nowMs),
    leftoverFinding(server, running, releasedServices(stateDir)),
    systemdFinding(isDirectory('/run/systemd/system'), UNIT_FOLDERS),
  ];
}

function serverFile(stateDir: string): { readonly file: ServerFile | null; readonly finding: Finding } {
  const path = join(stateDir, 'server.yaml');
  const text = textOf(path);
  try {
    const file = parseServerFile(text, path);
    return { file, finding: ok('server.yaml', text === '' ? 'there is none: defaults hold' : 'valid') };
  } catch (error) {
    const finding = failure('server.yaml', messageOf(error), 'mend it: docs/server.md has every key');
    return { file: null, finding };
  }
}

function replicasOf(server: Server): number {
  if (!server.reached) return 0;
  return server.services
    .flatMap(({ slots }) => Object.values(slots))
    .reduce((sum, { replicas }) => sum + replicas, 0);
}

function timesOf(stateDir: string, server: Server, nowMs: number): Times {
  const bootMs = Number(/^btime (\d+)$/mu.exec(textOf('/proc/stat'))?.[1] ?? 0) * 1000;
  const stat = server.reached ? readStat(server.info.pid) : null;
  return {
    nowMs,
    bootMs,
    serverStartedMs: server.reached ? server.info.startedAtMs : null,
    serverStartedAfterBootMs: stat === null ? null : (stat.startTicks / TICKS_PER_SECOND) * 1000,
    newestFileMs: newestIn(stateDir),
  };
}

function newestIn(directory: string): number | null {
  try {
    const times = readdirSync(directory).map((name) => statSync(join(directory, name)).mtimeMs);
    return times.length === 0 ? null : Math.max(...times);
  } catch {
    return null; // not there, or not ours to see
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
