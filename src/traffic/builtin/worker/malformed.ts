/** A listener's refusals are told of in the log at most this often. */
const TOLD_EVERY_MS = 60_000;

type Refused = { fresh: number; untold: number; toldAtMs: number; why: string };

/** Requests that were refused because two parsers could read them differently, by listener: no service is known yet. */
export class Malformed {
  private readonly listeners = new Map<string, Refused>();

  count(listener: string, why: string): void {
    const refused = this.listeners.get(listener) ?? {
      fresh: 0,
      untold: 0,
      toldAtMs: Number.NEGATIVE_INFINITY,
      why,
    };
    this.listeners.set(listener, refused);
    refused.fresh += 1;
    refused.untold += 1;
    refused.why = why;
  }

  /** Since the last call. */
  take(): ReadonlyMap<string, number> {
    const taken = new Map([...this.listeners].map(([listener, { fresh }]) => [listener, fresh]));
    for (const refused of this.listeners.values()) refused.fresh = 0;
    return taken;
  }

  /** What the log is to say now. */
  notes(nowMs: number): string[] {
    const notes: string[] = [];
    for (const [listener, refused] of this.listeners) {
      if (refused.untold === 0 || nowMs - refused.toldAtMs < TOLD_EVERY_MS) continue;
      const what = refused.untold === 1 ? 'a malformed request' : `${refused.untold} malformed requests`;
      notes.push(`refused ${what} at ${listener}, the last one because of ${refused.why}`);
      refused.untold = 0;
      refused.toldAtMs = nowMs;
    }
    return notes;
  }
}
