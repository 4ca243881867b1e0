import type { FrontManners, FrontState } from '../front.ts';
import type { Http1Connection } from './connection.ts';

/** What belongs to all connections of one listener. */
export type ConnectionPlace = {
  readonly listener: string;
  readonly state: FrontState;
  readonly manners: FrontManners;
  readonly isSecure: boolean;
  /** What a connection that stays says of that, with its line ends. */
  readonly keptFields: string;
  /** No listener any more: who stands is served once more. */
  readonly isClosing: boolean;
  /** It is over. */
  forget(connection: Http1Connection): void;
};
