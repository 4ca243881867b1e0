/**
 * How much more than by chance stable's events differ between two halves of stable itself, where nothing was changed.
 * φ (dispersion of counts) damps or switches off the likelihood-ratio bet; τ (persistence of the share) damps the share bet.
 * Constants and formulas: docs/judge.md, "Bursts"; golden values: judge-vectors.json, groups dispersion and phi_tau.
 */
export type Dispersion = {
  readonly blocks: readonly BlockSums[];
  /** Time halves only: the events and units of the even second that waits for its odd one. */
  readonly pending: readonly [events: number, units: number] | null;
};

type BlockSums = {
  /** Full blocks that saw events. */
  readonly full: number;
  /** Sums over them: D², V, (Σu)², Σu². */
  readonly sums: readonly [d2: number, v: number, u2: number, uu: number];
  /** The block under way: its ticks, D, V, Σu, Σu²; null before its first. */
  readonly open: OpenBlock;
};

type OpenBlock = readonly [ticks: number, d: number, v: number, u: number, uu: number] | null;

/** Seconds a block spans. φ looks at all, τ at the last two. */
export const BLOCK_TICKS = [1, 5, 30] as const;
const PHI_PRIOR_BLOCKS = 20;
const TAU_PRIOR_BLOCKS = 10;
const LEAST_BLOCKS = 3;
const MOST_PHI = 50;
const MOST_TAU = 30;

const EMPTY_BLOCK: BlockSums = { full: 0, sums: [0, 0, 0, 0], open: null };

export const NO_DISPERSION: Dispersion = { blocks: BLOCK_TICKS.map(() => EMPTY_BLOCK), pending: null };

/** Events of the first half, of both, and the first half's share (0 to 1) of the units that could have had them. */
export type Halves = { readonly first: number; readonly both: number; readonly share: number };

export function learnHalves(dispersion: Dispersion, halves: Halves): Dispersion {
  const blocks = dispersion.blocks.map((block, i) => addTick(block, BLOCK_TICKS[i]!, halves));
  return { ...dispersion, blocks };
}

/** For a stable of one replica: every other second is a half. Seconds must come in order. */
export function learnSecond(dispersion: Dispersion, events: number, units: number): Dispersion {
  const { pending } = dispersion;
  if (pending === null) return { ...dispersion, pending: [events, units] };
  const all = pending[1] + units;
  const halves = { first: pending[0], both: pending[0] + events, share: all > 0 ? pending[1] / all : 0.5 };
  return { ...learnHalves(dispersion, halves), pending: null };
}

function addTick(block: BlockSums, length: number, halves: Halves): BlockSums {
  const { first, both, share } = halves;
  // A block of one second has no persistence to measure.
  const u = both > 0 && length > 1 ? first / both - share : 0;
  const open = block.open ?? [0, 0, 0, 0, 0];
  const ticks = open[0] + 1;
  const d = open[1] + (both > 0 ? first - share * both : 0);
  const v = open[2] + share * (1 - share) * both;
  const su = open[3] + u;
  const uu = open[4] + u * u;
  if (ticks < length) return { ...block, open: [ticks, d, v, su, uu] };
  if (v === 0) return { ...block, open: null };
  const [d2, sumV, su2, sumUu] = block.sums;
  return {
    full: block.full + 1,
    sums: [short(d2 + d * d), short(sumV + v), su2 + su * su, sumUu + uu],
    open: null,
  };
}

/** Digits after a billionth of a sum are noise. */
function short(sum: number): number {
  return sum < 1000 ? sum : Math.round(sum * 1e3) / 1e3;
}

/** Pearson dispersion of one block length, shrunk towards 1 by `prior` blocks that behaved. */
export function rawDispersion(dispersion: Dispersion, index: number, prior: number): number {
  const { full, sums } = dispersion.blocks[index]!;
  return shrunk(full, sums[0], sums[1], prior);
}

function shrunk(full: number, squares: number, expected: number, prior: number): number {
  const observed = expected > 0 ? squares / (expected / full) : full;
  return (prior + observed) / (prior + full);
}

/** φ, 1 to 50: 1 while chance explains what was seen. */
export function phiOf(dispersion: Dispersion): number {
  let phi = 1;
  dispersion.blocks.forEach((block, i) => {
    if (block.full < LEAST_BLOCKS) return;
    const noise = 1 + 1.5 * Math.sqrt(2 / (PHI_PRIOR_BLOCKS + block.full));
    phi = Math.max(phi, rawDispersion(dispersion, i, PHI_PRIOR_BLOCKS) / noise);
  });
  return Math.min(MOST_PHI, phi);
}

/** τ, 1 to 30 seconds: how long an imbalance between the halves lasts. */
export function tauOf(dispersion: Dispersion): number {
  let tau = 1;
  dispersion.blocks.forEach((block, i) => {
    if (i === 0 || block.full < LEAST_BLOCKS) return;
    const noise = 1 + Math.sqrt(2 / (TAU_PRIOR_BLOCKS + block.full));
    tau = Math.max(tau, shrunk(block.full, block.sums[2], block.sums[3], TAU_PRIOR_BLOCKS) / noise);
  });
  return Math.min(MOST_TAU, tau);
}
