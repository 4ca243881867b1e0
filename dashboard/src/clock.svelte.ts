import { live } from './api/live.svelte.ts';

/** The time at the server, for what counts seconds on a page. */
class Clock {
  nowMs = $state(Date.now());

  constructor() {
    setInterval(() => {
      this.nowMs = live.nowMs();
    }, 1000);
  }
}

export const clock = new Clock();
