import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Asking } from './client.ts';
import type { BuiltinBench } from '../../src/traffic/builtin/conformance.ts';
import type { ReadResponse } from '../wire/strict-response.ts';
import type { PeerName } from './peers.ts';

/** A behaviour that people expect, or have to know, of a proxy: looked at through real sockets. */
export type Case = {
  /** A question or a fact, unique. */
  readonly name: string;
  /** What is to be seen behind the built-in proxy. */
  readonly wanted: string;
  readonly see: (way: Way) => Promise<string>;
  /** Why it is not tried behind another one. */
  readonly not?: Partial<Record<PeerName, string>>;
};

export type Subject = { readonly title: string; readonly cases: readonly Case[] };

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;
export type UpgradeHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => void;

/** Doors that stand behind each proxy (`doors.ts`). */
export type DoorName = 'shop' | 'any' | 'limited' | 'trusted';

/** One case's own way through one proxy: nothing else uses its path. */
export type Way = {
  /** `/c12`: what the application answers below it is this case's. */
  readonly path: string;
  readonly port: (door?: DoorName) => number;
  /** What the application does below the path; until then it reflects. */
  readonly on: (handler: Handler) => void;
  readonly onUpgrade: (handler: UpgradeHandler) => void;
  /** One request on a connection of its own, below the path. */
  readonly ask: (asking?: Asking) => Promise<ReadResponse>;
  /** What the application says it got. */
  readonly reflected: (asking?: Asking) => Promise<Reflected>;
  /** Bytes as they are; all that comes until the end, or until it is enough. `$PATH` stands for the path. */
  readonly raw: (bytes: string, isEnough?: (text: string) => boolean, door?: DoorName) => Promise<string>;
};

/** What the application got, as it read it. */
export type Reflected = {
  readonly service: string;
  readonly method: string;
  readonly url: string;
  readonly raw: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
};

/** For what is a matter of Bascule's own: it takes the built-in proxy as a router. */
export type OwnCase = {
  readonly name: string;
  readonly wanted: string;
  readonly see: (bench: BuiltinBench) => Promise<string>;
};

/** Header values that an application got under a name. */
export function valuesIn(raw: readonly string[], name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1]!.toLowerCase() === name.toLowerCase());
}

/** As a page shows it: `none` for nothing. */
export function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(' | ');
}
