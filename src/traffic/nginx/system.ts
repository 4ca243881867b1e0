import { accessSync, constants } from 'node:fs';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { checkVersion, runProxy } from '../proxy-command.ts';
import { NGINX } from './program.ts';

/** The nginx of the machine: somebody else starts it and writes its configuration; ours is what one directory holds. */
export class SystemNginx {
  readonly directory: string;
  readonly test: readonly string[];
  private readonly helper: readonly string[] | null;
  private checked = false;

  /** `helper`: the command that does what needs root, or null to run nginx itself. */
  constructor(directory: string, helper: readonly string[] | null) {
    this.directory = directory;
    this.helper = helper;
    this.test = this.command('test', ['-t', '-q']);
  }

  /** Errors: TRAFFIC_PROXY_MISSING, TRAFFIC_PROXY_TOO_OLD, TRAFFIC_CONFIG_UNWRITABLE. */
  async ensure(): Promise<void> {
    if (!this.checked) await checkVersion(NGINX, this.command('version', ['-v']));
    this.checked = true;
    try {
      accessSync(this.directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new OperatingError(
        'TRAFFIC_CONFIG_UNWRITABLE',
        `${this.directory} cannot be written (${messageOf(error)}), so nothing was changed. Make it for the server's user, and include ${this.directory}/*.conf in the http block of nginx.`,
        { retryable: false, cause: error },
      );
    }
  }

  reload(): Promise<void> {
    return this.told('reload', ['-s', 'reload']);
  }

  reopen(): Promise<void> {
    return this.told('reopen', ['-s', 'reopen']);
  }

  complaints(): string {
    return `Is "include ${this.directory}/*.conf;" in its http block, and does nginx run?`;
  }

  close(): void {
    // It is not ours.
  }

  private async told(verb: string, args: readonly string[]): Promise<void> {
    const { code, output } = await runProxy(NGINX, this.command(verb, args));
    if (code === 0) return;
    throw new OperatingError(
      'TRAFFIC_UNREACHABLE',
      `nginx could not be told to ${verb}: ${output.slice(0, 500)}. It serves as before; start it, or allow the command.`,
      { retryable: true },
    );
  }

  private command(verb: string, args: readonly string[]): readonly string[] {
    return this.helper === null ? ['nginx', ...args] : [...this.helper, `nginx-${verb}`];
  }
}
