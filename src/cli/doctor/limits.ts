import { ok, warning, type Finding } from './finding.ts';

/** Sockets of the proxy: two for each connection, for a thousand of them. */
const FOR_PROXY = 2048;
const FOR_SERVER = 256;
/** Logs and probes of a replica. */
const PER_REPLICA = 8;

/** `limits` is the text of /proc/PID/limits (proc_pid_limits(5)); `replicas` those of all slots together. */
export function filesFinding(limits: string, replicas: number): Finding {
  const soft = /^Max open files\s+(\S+)/mu.exec(limits)?.[1];
  const needed = FOR_PROXY + FOR_SERVER + PER_REPLICA * replicas;
  if (soft === undefined) return ok('open files', 'the limit cannot be seen');
  if (soft === 'unlimited' || Number(soft) >= needed) return ok('open files', `at most ${soft}`);
  return warning(
    'open files',
    `at most ${soft}, while ${replicas} replicas and a thousand connections take ${needed}`,
    'LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536 before bascule serve',
  );
}
