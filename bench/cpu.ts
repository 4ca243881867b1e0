import { readFileSync, readdirSync } from 'node:fs';

/** Fixed by Linux's interface to programs, whatever the kernel's own rate is: proc(5), sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

type Stat = { readonly pid: number; readonly parent: number; readonly ticks: number };

/** User and system time in seconds of a process and all that descend from it, those included that have ended. */
export function treeCpuSeconds(pid: number): number {
  return tree(pid).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/** KiB of memory that a process and all that descend from it hold; what several share is counted once (proc(5), smaps_rollup). */
export function treeMemoryKib(pid: number): number {
  return tree(pid).reduce((sum, each) => {
    const text = readFileSync(`/proc/${each.pid}/smaps_rollup`, 'utf8');
    return sum + Number(/^Pss: +(\d+) kB$/m.exec(text)![1]);
  }, 0);
}

function tree(pid: number): Stat[] {
  const all = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : [],
  );
  const found = new Set([pid]);
  // A child may stand before its parent in the list, so go over it until nothing is added.
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const each of all) if (found.has(each.parent)) found.add(each.pid);
  }
  return all.filter((each) => found.has(each.pid));
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
