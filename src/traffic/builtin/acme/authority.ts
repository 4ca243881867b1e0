import type { Challenge, Order } from './order.ts';

/** Who gives certificates. */
export type Authority = {
  /**
   * Asks for one for all names of the order with a key that is made for it, and resolves with both in PEM, key first. `answer` resolves once
   * every worker of the proxy answers the challenge. Errors: what the authority said, in its words.
   */
  readonly certificateFor: (order: Order, answer: (challenge: Challenge) => Promise<void>) => Promise<string>;
};
