import type { MasterSocket } from './master.ts';

/** The HAProxy that a service's part is put into: one of Bascule's own, or the one that the machine has. */
export type ProxyProcess = {
  readonly master: MasterSocket;
  /** The file that holds our part; beside it, `.new`, the one that is tested. */
  readonly file: string;
  /** Where log lines go, as HAProxy names it. */
  readonly logTarget: string;
  /** Where they are read. */
  readonly logFile: string;
  /** Tests everybody's configuration with our part to be. */
  readonly test: readonly string[];
  /** Ports are known to be free before a reload only where no other program's configuration is part of it. */
  readonly isManaged: boolean;
  /** Errors: TRAFFIC_PROXY_MISSING, TRAFFIC_PROXY_TOO_OLD, TRAFFIC_UNREACHABLE, TRAFFIC_CONFIG_UNWRITABLE. */
  ensure(): Promise<void>;
  /** What it says of itself when something went wrong. */
  complaints(): string;
  close(): void;
};
