import type { CodeEntry } from './code-entry.ts';
import { DOOR_CODES } from './door-codes.ts';
import { API_CODES } from './api-codes.ts';
import { CLI_CODES } from './cli-codes.ts';
import { FILE_CODES } from './file-codes.ts';
import { PEOPLE_CODES } from './people-codes.ts';
import { PROXY_CODES } from './proxy-codes.ts';
import { ROLLOUT_CODES } from './rollout-codes.ts';

/** The one table of codes: `E…` for what is written in a file, names for what the world does. */
export const CODES = {
  // release: the file
  ...FILE_CODES,
  ...CLI_CODES,
  ...PEOPLE_CODES,
  CONFIG_UNREADABLE: {
    title: 'the configuration file cannot be read',
    cause: 'No file of that name is there, it is not a regular file, or it may not be read by you.',
    fix: 'Run the command where bascule.yaml is, or name the file with --file.',
  },
  PACK_SOURCE_MISSING: {
    title: 'there is nothing to pack',
    cause:
      'What --from names is neither a directory nor a commit, branch or tag of this git repository, or it holds no files.',
    fix: 'Name a directory that is there, or run `git fetch` if the commit is not here yet.',
  },
  PACK_TOO_LARGE: {
    title: 'the directory is too large to pack',
    cause:
      'It holds more files or bytes than a release may have. Often dependencies, data or build output are in it.',
    fix: 'List in .basculeignore (same form as .gitignore) what the service does not need; let `build:` fetch dependencies.',
  },
  PACK_UNSAFE: {
    title: 'the directory holds what cannot be packed',
    cause: 'A symbolic link leads out of the directory, or a git submodule has no files of its own here.',
    fix: 'Replace the link by what it leads to, or list it in .basculeignore.',
  },
  PACK_CHANGED: {
    title: 'a file changed while it was packed',
    cause:
      'Something writes into the directory, so that what would be released is not what anybody has seen.',
    fix: 'Stop what writes there, or deploy a commit: --from HEAD.',
  },
  PACK_GIT_FAILED: {
    title: 'git could not be used',
    cause: 'The git command is missing, or refused to read the repository.',
    fix: 'Run the git command of the message by hand to see why.',
  },

  // journal
  JOURNAL_HELD: {
    title: 'The state directory is in use',
    cause:
      'Another controller has its journal open. Its lock is freed by the kernel when that process ends, however it ends.',
    fix: 'Use the controller that is running, or stop it (its process id is in the message) and start again.',
  },
  JOURNAL_NEWER: {
    title: 'The journal was written by a newer version of Bascule',
    cause: 'The program was replaced by an older one; formats are only ever changed forwards.',
    fix: 'Install the newer version again, or restore the state directory from before the upgrade.',
  },
  JOURNAL_CORRUPT: {
    title: 'The journal cannot be used',
    cause: 'The file, or a state in it, is damaged, was emptied or deleted, or belongs to another program.',
    fix: 'Restore the whole state directory from a copy, or move it away to begin anew. Traffic goes on unchanged meanwhile.',
  },
  JOURNAL_KEY: {
    title: 'The key that signs the journal is missing or is another one',
    cause: 'keys/journal.key was lost, replaced, or the journal comes from another machine.',
    fix: 'Put back the key that belongs to the journal; without it, move both away to begin anew.',
  },
  JOURNAL_CHAIN: {
    title: 'The audit chain does not fit',
    cause: 'An event was edited, deleted or put in by something other than Bascule.',
    fix: 'Keep a copy of the state directory and find out who changed it; nothing is pruned until then.',
  },
  JOURNAL_CONFLICT: {
    title: 'A change was decided on a state that is no longer the stored one',
    cause: 'A bug, or a second writer.',
    fix: 'Nothing was written. Restart the controller; report it if it happens again.',
  },
  JOURNAL_FULL: {
    title: 'There is no room for the journal',
    cause: 'The disk is full, or the journal reached the size that it may have.',
    fix: 'Free disk space; what was refused was not written and is tried again.',
  },
  JOURNAL_FAILED: {
    title: 'The journal cannot be read or written',
    cause: 'The disk reported an error, or the file or its directory may not be written by this user.',
    fix: 'Check the disk and the permissions of the state directory, then start the controller again.',
  },
  SAMPLES_FULL: {
    title: 'There is no room for samples',
    cause: 'The disk is full.',
    fix: 'Free disk space. Samples are kept in memory and tried again every second, the oldest dropped when there are too many.',
  },
  SAMPLES_UNREADABLE: {
    title: 'The file of samples cannot be used',
    cause: 'samples.db is damaged, in use, of another program or of a newer version of Bascule.',
    fix: 'Stop what uses it, or move it away: only charts of the past are lost.',
  },
  SAMPLES_FAILED: {
    title: 'Samples are no longer stored',
    cause: 'The thread that stores them ended, did not answer in time, or the disk reported an error.',
    fix: 'Look at the reason in the message, then start the controller again. Nothing else is affected.',
  },

  // backup
  BACKUP_UNDER_WAY: {
    title: 'another backup is being made',
    cause: 'The server makes one at a time.',
    fix: 'Wait for the other one to end, then ask again.',
  },
  BACKUP_NOT_WRITTEN: {
    title: 'the backup could not be written',
    cause: 'The file is there already, its disk is full, or the server went away on the way.',
    fix: 'Name a file that is not there, on a disk with room. The server is not touched by this.',
  },
  BACKUP_INVALID: {
    title: 'the file cannot be restored',
    cause: 'It is no backup, is cut off or damaged, or was made by a newer Bascule.',
    fix: 'Use another backup, or the version of Bascule that made this one. Nothing was changed.',
  },
  STATE_EXISTS: {
    title: 'the state directory has a journal already',
    cause: 'A restore never overwrites what is there by itself.',
    fix: 'Name another directory with --state-dir, or give --force: the former state is put aside, not deleted.',
  },

  // traffic
  TRAFFIC_CERTIFICATE_UNUSABLE: {
    title: 'A certificate cannot be served',
    cause:
      'A file of `tls:` is not there, may not be read by the user that the server runs as, holds no PEM, or certificate and key do not belong together.',
    fix: 'Mend what the message names, and apply again. What served before still serves.',
  },
  TRAFFIC_CURSOR_INVALID: {
    title: 'Counts were asked for with a cursor that is none',
    cause: 'The cursor does not come from the traffic() of this kind of proxy.',
    fix: 'Ask with null to begin from now on.',
  },
  TRAFFIC_DOOR_TAKEN: {
    title: 'The address of a door belongs to someone else',
    cause: 'Another service has the same host and path on that port, or another program listens on the port.',
    fix: 'Choose another host, path or port, or remove what has it; the message names the owner.',
  },
  TRAFFIC_DOOR_UNSERVABLE: {
    title: 'This kind of proxy cannot serve such a door',
    cause: 'The door asks for something that the adapter of this proxy cannot do; the message says what.',
    fix: 'Change what the message names, or choose another proxy.',
  },
  TRAFFIC_PROXY_MISSING: {
    title: 'The proxy is not installed',
    cause:
      'The program of the proxy that the file asks for is not on the path of the server, or may not be run.',
    fix: 'Install it (`apt-get install nginx`), or put it on the path of the server; then apply again.',
  },
  TRAFFIC_PROXY_TOO_OLD: {
    title: 'The proxy is too old',
    cause: 'The program that is installed does not know what Bascule has to ask of it.',
    fix: 'Install a later version; the message says which one is needed.',
  },
  TRAFFIC_CONFIG_REFUSED: {
    title: 'The proxy refuses its configuration',
    cause:
      "Testing the whole configuration failed: through a file of your own, or through what the service's file or its include asks for (a certificate that is not there, a second default server).",
    fix: 'Run `nginx -t` and mend the file that it names. The former files are back and the proxy serves as before.',
  },
  TRAFFIC_CONFIG_UNWRITABLE: {
    title: "The proxy's files cannot be written",
    cause: 'The directory is missing, belongs to somebody else, or the disk is full.',
    fix: "Make the directory and give it to the server's user; the proxy's own configuration includes it.",
  },
  TRAFFIC_NOT_SERVED: {
    title: 'The proxy does not answer with the files that it was given',
    cause:
      'It does not include the directory, does not run, answers another server block on that host and port, or could not listen there.',
    fix: 'Include the directory in its http block, start it, and see its error log; then apply again. The former files are back.',
  },
  ...DOOR_CODES,
  TRAFFIC_PROXY_UNKNOWN: {
    title: 'The server cannot drive this kind of proxy',
    cause: 'The file asks for a proxy that this version of the server has no adapter for.',
    fix: 'Choose one that the message names, or upgrade the server.',
  },
  TRAFFIC_LISTEN_FAILED: {
    title: 'The proxy may or can not listen where the door is',
    cause: 'The port needs a right that the user has not, or the machine does not have the address.',
    fix: 'Choose another address or port, or give the right to bind it.',
  },
  TRAFFIC_NOT_INSTALLED: {
    title: 'The proxy does not know the service',
    cause: 'Its door was never installed, or it was removed.',
    fix: 'Run "bascule apply" for the service.',
  },
  ...PROXY_CODES,
  TRAFFIC_ROUTE_INVALID: {
    title: 'The proxy refused a route',
    cause:
      'The route asks for more replicas than there are addresses, or for a share that the proxy cannot split.',
    fix: 'This is decided by the controller: report it with the message.',
  },
  TRAFFIC_STATE_DAMAGED: {
    title: 'A state file of the proxy is damaged',
    cause: 'The file is cut off, was edited, or was written by another version.',
    fix: 'It was put aside, and the controller gives door and route anew. Check the disk.',
  },
  TRAFFIC_STATE_UNWRITABLE: {
    title: 'The proxy cannot write its state',
    cause: 'The disk is full, the state directory is not writable, or its path is too long.',
    fix: 'Free space, mend the permissions or choose a shorter path, and repeat.',
  },
  TRAFFIC_UNREACHABLE: {
    title: 'The data plane does not answer',
    cause: 'The proxy is not running and could not be started in time, or it hangs.',
    fix: 'See proxy.log in its state directory. If it runs, it routes as before.',
  },

  // workload
  WORKLOAD_START_FAILED: {
    title: 'A replica could not be started',
    cause: 'The operating system refused the process, or a stop or another release was asked for meanwhile.',
    fix: 'The message says what was refused. Mend that; "bascule logs" shows what the program itself wrote.',
  },
  WORKLOAD_STOP_FAILED: {
    title: 'Processes are still there after SIGKILL',
    cause: 'A process hangs in the kernel (state D), on a dead disk or network share for example.',
    fix: 'Look at the pids in the message with "ps -o pid,stat,wchan". It is tried again; mend the device meanwhile.',
  },
  WORKLOAD_PORT_TAKEN: {
    title: 'Another program listens on a port of the service',
    cause: 'The port that is reserved for a replica is held by the program in the message.',
    fix: 'Stop that program or give it another port, then try again.',
  },
  WORKLOAD_NO_PORTS: {
    title: 'No ports are left for the service',
    cause: "The server's port range is used up by the slots of its services.",
    fix: "Remove a service, lower max-replicas, or widen the range in the server's file.",
  },
  WORKLOAD_SECRET_MISSING: {
    title: 'A secret has no value',
    cause: 'The file or environment variable that the release names is not there, empty, or not on the list.',
    fix: "Store it on the server: one file per name with mode 0400, or a name on the server's list.",
  },
  WORKLOAD_SECRET_UNSAFE: {
    title: 'A secret is kept in a way that is not safe',
    cause:
      'Its file is readable by others, a link, owned by somebody else, or not text; or its name is a path.',
    fix: 'The message has the command that mends it. Consider the value as known to others and change it.',
  },
  WORKLOAD_USER_NOT_ALLOWED: {
    title: 'Commands may not run as this user',
    cause:
      'The name is not on the list of allowed users, is root, does not exist, or the server is not root.',
    fix: 'Add it to the server\'s list, name another user, or take "user:" away.',
  },
  WORKLOAD_DISK_FULL: {
    title: 'There is not enough space on the disk',
    cause: 'The disk of the state directory has less free space than the release and the reserve need.',
    fix: 'Free some space (bascule prunes old releases by itself), then try again.',
  },
  ARTIFACT_DIGEST_MISMATCH: {
    title: 'An artifact arrived other than it was sent',
    cause:
      'The bytes that came do not have the announced sha256: a broken connection, or a file that changed meanwhile.',
    fix: 'Deploy again.',
  },
  ARTIFACT_TOO_LARGE: {
    title: 'An artifact is over a limit',
    cause: 'It is larger, or has more files, than the server accepts.',
    fix: "Leave out what need not be shipped, or raise the limit in the server's file.",
  },
  ARTIFACT_UNSAFE: {
    title: 'An artifact holds what may not be unpacked',
    cause:
      'A path or link that leaves the directory, a device, an entry twice, or an archive that cannot be read.',
    fix: 'Take the entry in the message out of the directory, and create links to the outside in "build:".',
  },
  ARTIFACT_MISSING: {
    title: 'The artifact of a release is not on the server',
    cause: 'It was deleted from the state directory, or its upload never ended.',
    fix: 'Deploy that version again from its source.',
  },
  BUILD_FAILED: {
    title: 'The build command failed',
    cause: '"build:" ended with an exit code other than 0, by a signal, or took too long.',
    fix: 'The message has its last lines and the path of the whole output. Mend the build and deploy again.',
  },

  // controller and http
  ...ROLLOUT_CODES,
  ...API_CODES,
} as const satisfies Record<string, CodeEntry>;
