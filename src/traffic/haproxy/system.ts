import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import { checkVersion } from '../proxy-command.ts';
import { HAPROXY } from './program.ts';
import { MasterSocket } from './master.ts';
import type { ProxyProcess } from './proxy-process.ts';

/** Where distributions keep the main file. */
const MAIN_FILE = '/etc/haproxy/haproxy.cfg';

export type SystemOptions = {
  readonly proxy: Pick<HaproxyProxy, 'directory' | 'socket' | 'log'>;
  /** Command that does what needs root, or null to run HAProxy itself. */
  readonly helper: readonly string[] | null;
  readonly binary: string;
  /** The user's own file. */
  readonly mainFile?: string;
};

/** The HAProxy of the machine: somebody else starts it and writes its configuration; ours is one file in a directory. */
export class SystemHaproxy implements ProxyProcess {
  readonly master: MasterSocket;
  readonly file: string;
  readonly logTarget = 'stdout';
  readonly logFile: string;
  readonly test: readonly string[];
  readonly isManaged = false;
  private readonly options: SystemOptions;
  private checked = false;

  constructor(options: SystemOptions) {
    const { proxy, helper, binary, mainFile = MAIN_FILE } = options;
    this.options = options;
    this.master = new MasterSocket(proxy.socket);
    this.file = join(proxy.directory, 'bascule.cfg');
    this.logFile = proxy.log;
    this.test =
      helper === null
        ? [binary, '-c', '-f', mainFile, '-f', `${this.file}.new`]
        : [...helper, 'haproxy-test'];
  }

  async ensure(): Promise<void> {
    const { helper, binary, proxy } = this.options;
    if (!this.checked)
      await checkVersion(HAPROXY, helper === null ? [binary, '-v'] : [...helper, 'haproxy-version']);
    this.checked = true;
    try {
      accessSync(proxy.directory, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new OperatingError(
        'TRAFFIC_CONFIG_UNWRITABLE',
        `${proxy.directory} cannot be written (${messageOf(error)}), so nothing was changed. Make it for the server's user, and start HAProxy with "-f ${proxy.directory}" after its own file.`,
        { retryable: false, cause: error },
      );
    }
    await this.master.workers();
  }

  complaints(): string {
    return `Is it started with "-f ${this.options.proxy.directory}" after its own file?`;
  }

  close(): void {
    // It is not ours.
  }
}
