/** What a command touches of its process, so that tests run the very same commands. */
export type Io = {
  /** Results. The text ends with its newline. */
  out(text: string): void;
  /** Progress and complaints. */
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Columns and rows of the terminal, asked anew each time. */
  size(): { readonly columns: number; readonly rows: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  nowMs(): number;
  /** `UTC` in tests; undefined for the machine's own. */
  readonly timeZone: string | undefined;
  /** Called on Ctrl-C and SIGTERM. Returns what ends it; nobody listening means that the process ends. */
  onInterrupt(listener: () => void): () => void;
  /** Single keys, where somebody sits at a terminal; null elsewhere. Returns what ends it. */
  readonly onKey: ((listener: (key: string) => void) => () => void) | null;
};

const DEFAULT_COLUMNS = 100;
const DEFAULT_ROWS = 40;

/** The process's own. */
export function processIo(): Io {
  // `bascule history | head`: who reads no more has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { stdin, stdout, stderr, env } = process;
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false';
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    outIsTerminal: stdout.isTTY && !ci,
    errIsTerminal: stderr.isTTY && !ci,
    size: () => {
      const terminal = stdout.isTTY ? stdout : stderr;
      return { columns: terminal.columns || DEFAULT_COLUMNS, rows: terminal.rows || DEFAULT_ROWS };
    },
    env,
    cwd: process.cwd(),
    nowMs: () => Date.now(),
    timeZone: undefined,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
    onKey: stdin.isTTY && !ci ? onKey : null,
  };
}

/** Raw mode takes Ctrl-C away from the terminal: it is given back as the signal that it stands for. */
function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process;
  const read = (data: Buffer) => {
    const key = data.toString('utf8');
    if (key === '\u0003') process.kill(process.pid, 'SIGINT');
    else listener(key);
  };
  stdin.setRawMode(true);
  stdin.on('data', read);
  stdin.resume();
  return () => {
    stdin.off('data', read);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
