/** What `bascule explain CODE` says. Codes are never reused; docs/errors.md lists the same (a test compares them). */
export type CodeEntry = {
  /** One line: what it is. */
  readonly title: string;
  /** What leads to it. */
  readonly cause: string;
  /** What to do. */
  readonly fix: string;
};

/** The one table of codes: `E…` for what is written in a file, names for what the world does. */
export const CODES = {
  // release: the file

  // journal

  // traffic

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
} as const satisfies Record<string, CodeEntry>;
