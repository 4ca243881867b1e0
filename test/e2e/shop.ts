import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';

/** The example's directory: what an end-to-end test deploys. */
export const SHOP_DIRECTORY = fileURLToPath(new URL('../../examples/node-shop/', import.meta.url));

/** What stands in the example's version.json. */
export type ShopRelease = {
  readonly version: string;
  /** Of a page. */
  readonly medianMs: number;
  /** Fraction of page requests that are answered 500. */
  readonly errorRate: number;
  /** Factor on the time that a page takes. */
  readonly slowdown: number;
  /** Between two events of a stream. */
  readonly tickMs: number;
};

export type Shop = Server & {
  /** Finishes what is under way, ends streams in order, takes nothing new. */
  leave(): void;
};

/** The example shop's own code, for servers inside a test. */
export async function loadShop(): Promise<(release: ShopRelease) => Shop> {
  const file = new URL('../../examples/node-shop/server.mjs', import.meta.url).href;
  const { createShop } = (await import(file)) as { createShop: (release: ShopRelease) => Shop };
  return createShop;
}
