import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type Usage = { readonly cores: number; readonly rssMib: number };

/** What the controller, the proxy's parent and its workers (together) take while `seconds` pass. */
export async function usageOver(
  controller: number,
  seconds: number,
): Promise<{ readonly controller: Usage; readonly parent: Usage; readonly workers: Usage }> {
  const parents = childrenOf(controller);
  const groups = { controller: [controller], parent: parents, workers: parents.flatMap(childrenOf) };
  const before = all(groups, ({ cpuSeconds }) => cpuSeconds);
  await sleep(seconds * 1000);
  return all(groups, ({ cpuSeconds, rssMib }, group) => ({
    cores: (cpuSeconds - before[group]) / seconds,
    rssMib,
  }));
}

type Group = 'controller' | 'parent' | 'workers';
type Total = { readonly cpuSeconds: number; readonly rssMib: number };

function all<T>(
  groups: Readonly<Record<Group, readonly number[]>>,
  of: (total: Total, group: Group) => T,
): Record<Group, T> {
  const one = (group: Group): T => of(totalOf(groups[group]), group);
  return { controller: one('controller'), parent: one('parent'), workers: one('workers') };
}

/** User and system time of the processes, threads included, and their resident memory: proc(5). */
function totalOf(pids: readonly number[]): Total {
  let cpuSeconds = 0;
  let rssMib = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / 100;
    rssMib += Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  }
  return { cpuSeconds, rssMib };
}

export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
