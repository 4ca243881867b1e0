import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readStat } from '../../src/workload/proc.ts';
import { waitFor } from './wait-for.ts';

/** Children of a process that run a worker of the proxy. */
export function workersOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent && commandOf(pid).includes('worker-main'));
}

/** Stops a process, so that nothing comes or goes there any more, and kills it. Returns the client's port of each connection that it had. */
export async function killCounting(pid: number, doorPorts: readonly number[]): Promise<ReadonlySet<number>> {
  process.kill(pid, 'SIGSTOP');
  await waitFor(`process ${pid} to stand still`, () => readStat(pid)?.state === 'T', { everyMs: 1 });
  // What it accepted a moment before may be in the table of the kernel only now.
  await sleep(5);
  const held = connectionsOf(pid, doorPorts);
  process.kill(pid, 'SIGKILL');
  return held;
}

/** The client's port of each connection, by /proc/net/tcp: who is connected to these ports, through a descriptor of this process. */
export function connectionsOf(pid: number, doorPorts: readonly number[]): ReadonlySet<number> {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(pid, fd))?.[1] ?? []),
  );
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  return new Set(
    rows.flatMap((row) => {
      const [, local = '', remote = '', , , , , , , inode = ''] = row.trim().split(/\s+/);
      return doorPorts.includes(portOf(local)) && inodes.has(inode) ? [portOf(remote)] : [];
    }),
  );
}

function portOf(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
}

function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

function parentOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
