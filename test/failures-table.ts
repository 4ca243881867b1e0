/** `npm run generate` makes docs/failures.md of this; a test holds each row to a test, and each of those tests to a row. */
export type FailureRow = {
  readonly when: string;
  /** What the server, or the command, says. */
  readonly says: string;
  readonly users: string;
  readonly next: string;
  /** File below the root, and the name of the test as it stands there. */
  readonly test: readonly [file: string, name: string];
};

const APPLICATIONS = 'test/e2e/failures/applications.test.ts';
const DISK = 'test/e2e/failures/disk.test.ts';
const STATE = 'test/e2e/failures/state.test.ts';
const CLOCK = 'test/e2e/failures/clock.test.ts';
const REUSE = 'test/e2e/failures/reuse.test.ts';
const UPGRADE = 'test/e2e/failures/upgrade.test.ts';
const ADOPTION = 'test/e2e/adoption.test.ts';
const KILLS = 'test/e2e/proxy-kills.test.ts';
const WORLD = 'src/controller/scenarios.test.ts';
const ROTATION = 'src/workload/process/log-rotation.test.ts';
const SERVED = 'are served as before';

export const FAILURES: Readonly<Record<string, readonly FailureRow[]>> = {
  'The new version': [
    {
      when: 'exits at once',
      says: 'NEVER READY (16), with its exit code and its last lines',
      users: SERVED,
      next: 'mend it, deploy again',
      test: [APPLICATIONS, 'an application that exits at once is never ready, and its exit code is said'],
    },
    {
      when: 'hangs at its start',
      says: 'NEVER READY (16) after `ready-within`: still runs, listens on nothing yet',
      users: SERVED,
      next: 'mend it, deploy again',
      test: [
        APPLICATIONS,
        'an application that hangs at its start is never ready, and it is said that it does not listen',
      ],
    },
    {
      when: 'answers its health check and fails all else',
      says: 'rolled back (10), with the numbers',
      users: 'of its share get its errors until the judge is sure: seconds',
      next: '`bascule why`',
      test: [APPLICATIONS, 'an application that answers health and fails all else goes back, judged'],
    },
    {
      when: 'hangs after a while',
      says: 'rolled back (10)',
      users: 'of its share wait until its health check fails',
      next: '`bascule why`',
      test: [APPLICATIONS, 'an application that hangs later goes back, because its health does'],
    },
    {
      when: 'crashes again and again',
      says: 'rolled back (10), with the crashes counted',
      users: 'of its share get 502 for what was under way at a crash',
      next: '`bascule logs`',
      test: [APPLICATIONS, 'an application that crashes again and again goes back'],
    },
    {
      when: 'leaves its work to a child and exits',
      says: 'NEVER READY (16): it counts as crashed; the child is stopped with it',
      users: SERVED,
      next: 'run it in the foreground',
      test: [
        APPLICATIONS,
        'an application that leaves its work to a child and exits is never ready, and the child is stopped with it',
      ],
    },
    {
      when: 'forks twice, into a session of its own',
      says: 'NEVER READY (16); who holds the port is named at the next start in that slot',
      users: SERVED,
      next: 'end that process by hand; run the application in the foreground',
      test: [
        APPLICATIONS,
        'a child in a session of its own is not stopped with its application, and who holds the port is named',
      ],
    },
    {
      when: 'ignores SIGTERM',
      says: 'nothing: it is killed when `stop-grace` is over',
      users: SERVED,
      next: '–',
      test: [APPLICATIONS, 'an application that ignores SIGTERM is killed after its grace'],
    },
    {
      when: 'prints 1 GB',
      says: 'nothing: its output is put aside at 16 MiB, as often as it takes',
      users: SERVED,
      next: '–',
      test: [APPLICATIONS, 'an application that prints 1 GB serves meanwhile, and its output stays bounded'],
    },
    {
      when: 'prints a hundred megabytes a second',
      says: 'nothing: no line is lost, and no write waits (ext4, XFS)',
      users: SERVED,
      next: '–',
      test: [
        ROTATION,
        'a program that writes a hundred megabytes a second loses no line, waits for nothing, and stays bounded',
      ],
    },
    {
      when: 'finds its port, or its door, in use',
      says: 'refused with the port, and who has it where that may be seen',
      users: SERVED,
      next: 'stop that program, or choose another port',
      test: [
        STATE,
        'a port that another program has, of a door or of a slot, is named and nothing else is touched',
      ],
    },
    {
      when: 'belongs to a service that is removed during its rollout',
      says: '`ROLLOUT_UNDER_WAY` (15)',
      users: SERVED,
      next: '`bascule abort`, then `bascule remove`',
      test: [STATE, 'a service that is removed during its rollout stays until the rollout is taken back'],
    },
  ],
  'The disk': [
    {
      when: 'is full',
      says: '`WORKLOAD_DISK_FULL` for a deploy, `JOURNAL_FULL` for a decision; an abort moves the traffic all the same',
      users: SERVED,
      next: 'free space: what is owed is recorded by itself',
      test: [
        DISK,
        'a full disk: no request fails, a deploy is refused, an abort moves the traffic and is recorded once there is room',
      ],
    },
    {
      when: 'is full, and room is made again',
      says: 'what was owed, as done; deploys are taken again',
      users: SERVED,
      next: '–',
      test: [
        DISK,
        'a full disk: no request fails, a deploy is refused, an abort moves the traffic and is recorded once there is room',
      ],
    },
    {
      when: 'is full, and proxy and server are killed',
      says: 'nothing: both come back with what they had',
      users: 'have what the killed proxy was serving cut',
      next: 'free space',
      test: [
        DISK,
        'a full disk: a killed proxy comes back with its route, a killed controller with its journal',
      ],
    },
    {
      when: 'is full of the output of an application',
      says: 'how many bytes of it were dropped',
      users: SERVED,
      next: '–',
      test: [ROTATION, 'where there is no room for the older part, the full file makes room all the same'],
    },
    {
      when: 'becomes read-only',
      says: '`JOURNAL_FAILED`, at a new start as well; an abort moves the traffic all the same',
      users: SERVED,
      next: 'mend the disk, start the server: it ends the rollout as aborted',
      test: [
        DISK,
        'a disk that became read-only: no request fails, an abort moves the traffic, a new start is refused',
      ],
    },
    {
      when: 'takes no log of the server (full, terminal closed, reader gone or standing still)',
      says: 'how many lines could not be written, once they can',
      users: SERVED,
      next: '–',
      test: [
        'src/lib/lossy-lines.test.ts',
        'a reader that stands still holds nobody up, and is told afterwards what it missed',
      ],
    },
    {
      when: 'takes no log of the proxy',
      says: 'nothing',
      users: SERVED,
      next: '–',
      test: [
        'src/traffic/builtin/proxy-log.test.ts',
        'a log that cannot be written costs its lines and nothing else',
      ],
    },
  ],
  'The state directory': [
    {
      when: "has a journal that is garbage, cut, empty, newer, another program's, or signed by another key",
      says: '`JOURNAL_CORRUPT`, `JOURNAL_NEWER` or `JOURNAL_KEY`; the server does not start, and changes nothing',
      users: SERVED,
      next: '`bascule restore`, or the newer version, or the right key',
      test: [
        STATE,
        'a journal that cannot be used is refused with what to do, in whatever way, while traffic goes on',
      ],
    },
    {
      when: 'has a journal in which a state, or a command that waits, is damaged',
      says: '`JOURNAL_CORRUPT`, with the service; the server does not start',
      users: SERVED,
      next: '`bascule restore`',
      test: [
        STATE,
        'a journal that cannot be used is refused with what to do, in whatever way, while traffic goes on',
      ],
    },
    {
      when: 'loses a socket of the API under a running server',
      says: 'that it had been deleted; it is there again within a second',
      users: SERVED,
      next: '–',
      test: [STATE, 'a socket that is deleted under a running server is there again within seconds'],
    },
    {
      when: 'has a socket that another program listens on',
      says: '`SOCKET_IN_USE`; the server does not start',
      users: SERVED,
      next: 'stop that program',
      test: [
        STATE,
        'a server whose socket another program has is refused, says so, and ends; traffic goes on',
      ],
    },
    {
      when: 'has a journal in which an event was changed',
      says: '`JOURNAL_CHAIN` at the start, with the event',
      users: SERVED,
      next: 'keep a copy, find out who changed it',
      test: [STATE, 'an event that was changed in the journal is told at the start, and the server goes on'],
    },
    {
      when: 'has a damaged `samples.db`',
      says: 'put aside as `samples.db.damaged`; a new one is begun',
      users: SERVED,
      next: '–',
      test: [STATE, 'samples.db is ${what}: it is put aside, and everything goes on'],
    },
    {
      when: 'has a torn file of the proxy, which starts anew',
      says: 'put aside as `.damaged`; the server gives door and route anew',
      users: 'of that one service get no answer for a moment; the others are served',
      next: 'check the disk',
      test: [
        STATE,
        "a torn state file of the proxy costs its own service's door until the controller gives it anew, and no other",
      ],
    },
    {
      when: 'is deleted under a running server',
      says: '`STATE_DIR_UNUSABLE` within a second, and the server stops',
      users: SERVED,
      next: '`bascule restore`; the applications that run are not adopted any more',
      test: [
        STATE,
        'the state directory is deleted under a running server: it stops and says so, and traffic goes on',
      ],
    },
    {
      when: 'is used by another server',
      says: '`JOURNAL_HELD` (15), with its process',
      users: SERVED,
      next: 'use that one',
      test: [
        'test/e2e/commands.test.ts',
        'serve says that it is ready, and a second one on the same state directory is refused',
      ],
    },
    {
      when: 'is lost with its machine in the middle of a rollout',
      says: 'after a restore: the rollout is aborted, stable is started',
      users: 'are served again once stable is healthy on the other machine',
      next: '`bascule restore` with the key kept apart',
      test: [
        STATE,
        'the machine is lost in the middle of a rollout: from a backup, another one serves what was stable, and the rollout is over',
      ],
    },
    {
      when: 'is restored where everything still runs',
      says: 'what was released since is taken back',
      users: 'are served the version of the backup, without a failed request',
      next: 'deploy anew what came after the backup',
      test: [
        STATE,
        'a restore on the machine that still runs: what was released since is taken back to what the backup says, without a failed request',
      ],
    },
    {
      when: 'is restored where the slot of the backup was given to a later version',
      says: 'nothing: that version is stopped, the one of the backup is started in its place',
      users: 'get 503 while it starts: its slot was not free',
      next: 'deploy anew what came after the backup',
      test: [
        REUSE,
        'a restore where the slot of the backup was given to a later version: the version of the backup serves again',
      ],
    },
  ],
  'Processes and the machine': [
    {
      when: 'the server is killed with SIGKILL',
      says: 'nothing; it adopts what runs when it is back',
      users: SERVED,
      next: '–',
      test: [ADOPTION, 'kill -9 of the controller, then SIGTERM: nobody notices, everything is adopted'],
    },
    {
      when: 'the server gets SIGTERM or SIGHUP',
      says: 'traffic and applications go on',
      users: SERVED,
      next: '–',
      test: [STATE, 'SIGHUP and SIGTERM stop the server in order, and traffic and applications go on'],
    },
    {
      when: 'the server is replaced by a newer version',
      says: 'its version, once it is ready',
      users: SERVED,
      next: '–',
      test: [
        UPGRADE,
        'an upgrade under load: no request fails, applications are adopted, the proxy is replaced, the rollout goes on',
      ],
    },
    {
      when: 'the number of workers of the proxy is changed in the server’s file, and the server restarted',
      says: 'that the proxy gave way to another one',
      users: SERVED,
      next: '–',
      test: [
        UPGRADE,
        'a server of the same version keeps the proxy; another number of workers is another proxy',
      ],
    },
    {
      when: 'the proxy was ended while the server was down for its upgrade',
      says: 'nothing of its own: it starts the proxy of its version',
      users: 'are not answered until the new server is there; then by the version that served before',
      next: '–',
      test: [UPGRADE, 'a proxy that was ended comes back as the new version, with its routes'],
    },
    {
      when: 'a worker of the proxy, or its parent, is killed with SIGKILL',
      says: 'nothing; it is started again within a second',
      users: 'have what it was serving cut',
      next: '–',
      test: [
        KILLS,
        'a killed worker and a killed parent: service resumes at once, people stay where they were',
      ],
    },
    {
      when: 'the proxy is killed while the server is away',
      says: 'nothing',
      users: 'get no answer until the server is back',
      next: 'let systemd restart the server',
      test: [
        KILLS,
        'the proxy dies while the controller is away: it comes back with the controller, the route as it was',
      ],
    },
    {
      when: 'a replica crashes while the server is away',
      says: 'nothing; it is started again when the server is back',
      users: 'get 503 if it was the only one',
      next: 'let systemd restart the server',
      test: [
        ADOPTION,
        'a replica that crashes while the controller is away is started again when it is back',
      ],
    },
    {
      when: 'the version that serves dies while the former one is kept warm',
      says: '`KEPT_SERVES` (15) for a deploy: it would empty the slot of the one that answers',
      users: 'get the former one',
      next: '`bascule rollback`, then deploy',
      test: [
        'src/controller/scenarios.test.ts',
        'a deploy does not take the slot of what stands in for a stable version that is down',
      ],
    },
    {
      when: 'the machine is restarted',
      says: 'the rollout under way is aborted; stable is started first',
      users: 'get 503 with Retry-After until stable is healthy',
      next: '–',
      test: [
        ADOPTION,
        'another boot: stable is started and gated first, 503 until then; what was under way is aborted',
      ],
    },
    {
      when: 'the clock jumps an hour ahead while a version starts',
      says: 'nothing: readiness follows a clock that does not jump',
      users: SERVED,
      next: '–',
      test: [WORLD, 'a clock that jumps an hour ahead does not make a version that starts overdue'],
    },
    {
      when: 'a replica of several is killed with SIGKILL under load',
      says: 'nothing; it is started again',
      users: 'have what it was serving cut, and no more',
      next: '–',
      test: [
        REUSE,
        'a replica that is killed with SIGKILL under load costs at most what it was serving, and is started again',
      ],
    },
    {
      when: 'the clock is set ahead during a dwell or a watch',
      says: 'nothing: only seconds in which traffic was judged count',
      users: SERVED,
      next: '–',
      test: [CLOCK, 'a clock that is set ahead by an hour during a dwell and a watch ends neither'],
    },
    {
      when: 'the clock is set back during a dwell or a watch',
      says: 'nothing: judging goes on',
      users: SERVED,
      next: '–',
      test: [CLOCK, 'a clock that is set back by an hour during a dwell and a watch holds up neither'],
    },
    {
      when: 'the clock is set back and the new version fails',
      says: 'rolled back (10), with the numbers',
      users: 'of its share get its errors until the judge is sure: seconds',
      next: '`bascule why`',
      test: [CLOCK, 'a version that fails goes back within seconds after a clock was set back by an hour'],
    },
    {
      when: 'the clock is set while an old version is kept warm, or a person is asked',
      says: 'nothing: both last as long as they were to',
      users: SERVED,
      next: '–',
      test: [CLOCK, 'a clock that is set ahead by a day ends neither what is kept warm nor a question'],
    },
  ],
};

export function renderFailures(): string {
  const parts = Object.entries(FAILURES).map(([title, rows]) => {
    const lines = rows.map(({ when, says, users, next, test: [file, name] }) => {
      const cells = [when, says, users, next, `[${name.replaceAll(/[[\]|]/gu, '')}](../${file})`];
      return `| ${cells.join(' | ')} |`;
    });
    return `## ${title}\n\n| … | it says | users | what to do | tested by |\n|---|---|---|---|---|\n${lines.join('\n')}\n`;
  });
  return `# What happens when…\n\n${INTRODUCTION}\n\n${parts.join('\n')}`;
}

const INTRODUCTION = `Every row is held to the test that is named in it, against the real program (\`npm run e2e:failures\`, and \`bin/test\`); neither can go
without the other (\`test/failures.test.ts\`). "Served as before" means: no request failed. In brackets, the exit code.`;
