import { readFileSync, readdirSync } from 'node:fs';

/** Fixed by Linux's interface to programs, whatever the kernel's own rate is: proc(5), sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

type Stat = { readonly pid: number; readonly parent: number; readonly ticks: number };

/** User and system time in seconds of a process and all that descend from it, those included that have ended. */
export function treeCpuSeconds(pid: number): number {
  const all = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : [],
  );
  const tree = new Set([pid]);
  // A child may stand before its parent in the list, so go over it until nothing is added.
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  const ticks = all.reduce((sum, stat) => (tree.has(stat.pid) ? sum + stat.ticks : sum), 0);
  return ticks / TICKS_PER_SECOND;
}

/** proc(5): after the name in brackets come state (3), parent (4), … utime, stime, cutime, cstime (14 to 17). */
function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { pid, parent: Number(fields[1]), ticks };
  } catch {
    return null;
  }
}
