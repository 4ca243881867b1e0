import type { DoorSpec } from '../../../release/service.ts';

/** A request, event stream or tunnel under way. */
export type InFlight = {
  readonly isStream: boolean;
  /** Ends a stream the way its protocol ends one. Repeats do nothing. */
  close(): void;
  /** Ends it now. */
  cut(): void;
};

export type DrainResult = { readonly closed: number; readonly cut: number };

/** After its close, a stream has this long to go. */
const CLOSING_MS = 1000;

/**
 * What was in flight on a slot when it lost its traffic. Ordinary requests may go on for `drainMs`; streams are closed
 * one after the other over `streamGraceMs`, so that their clients do not all come back at once. Cancelled by forgetting it.
 */
export class Drain {
  private readonly left: Set<InFlight>;
  private readonly closeAtMs = new Map<InFlight, number>();
  private readonly cutAtMs: number;
  private readonly streamsEndAtMs: number;
  private closed = 0;
  private cut = 0;

  constructor(inFlight: ReadonlySet<InFlight>, spec: DoorSpec, nowMs: number) {
    this.left = new Set(inFlight);
    this.cutAtMs = nowMs + spec.drainMs;
    this.streamsEndAtMs = nowMs + spec.streamGraceMs;
    const streams = [...inFlight].filter((each) => each.isStream);
    for (const [i, stream] of streams.entries()) {
      this.closeAtMs.set(stream, nowMs + (spec.streamGraceMs * (i + 1)) / (streams.length + 1));
    }
  }

  /** Returns what the drain came to, once it is over. */
  tick(inFlight: ReadonlySet<InFlight>, nowMs: number): DrainResult | null {
    for (const each of this.left) {
      if (!inFlight.has(each)) this.left.delete(each);
      else if (each.isStream) this.tickStream(each, nowMs);
      else if (nowMs >= this.cutAtMs) this.cutOne(each);
    }
    return this.left.size === 0 ? { closed: this.closed, cut: this.cut } : null;
  }

  private tickStream(stream: InFlight, nowMs: number): void {
    const closeAtMs = this.closeAtMs.get(stream) ?? this.streamsEndAtMs;
    if (nowMs >= this.streamsEndAtMs + CLOSING_MS) {
      this.cutOne(stream);
    } else if (nowMs >= closeAtMs) {
      this.closeAtMs.set(stream, Number.POSITIVE_INFINITY);
      this.closed += 1;
      stream.close();
    }
  }

  private cutOne(each: InFlight): void {
    this.left.delete(each);
    this.cut += 1;
    each.cut();
  }
}
