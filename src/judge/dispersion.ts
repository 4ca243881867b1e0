/**
 * How much more than by chance stable's events differ between two halves of stable itself, where nothing was changed.
 * φ (dispersion of counts) damps or switches off the likelihood-ratio bet; τ (persistence of the share) damps the share bet.
 * Constants and formulas: docs/judge.md, "Bursts"; golden values: judge-vectors.json, groups dispersion and phi_tau.
 */
export type Dispersion = {
  /** `BLOCK_NUMBERS` for each length of block, one length after the other: a second costs one copy of thirty numbers. */
  readonly blocks: readonly number[];
  /** Time halves only: the events and units of the even second that waits for its odd one. */
  readonly pending: readonly [events: number, units: number] | null;
};

/** Seconds a block spans. φ looks at all, τ at the last two. */
export const BLOCK_TICKS = [1, 5, 30] as const;
const PHI_PRIOR_BLOCKS = 20;
const TAU_PRIOR_BLOCKS = 10;
const LEAST_BLOCKS = 3;
const MOST_PHI = 50;
const MOST_TAU = 30;

/** Of full blocks that saw events: how many, ΣD², ΣV, Σ(Σu)², ΣΣu². Of the block under way: its ticks, D, V, Σu, Σu². */
const BLOCK_NUMBERS = 10;
const [FULL, SUM_D2, SUM_V, SUM_U2, SUM_UU] = [0, 1, 2, 3, 4];
const [TICKS, OPEN_D, OPEN_V, OPEN_U, OPEN_UU] = [5, 6, 7, 8, 9];

export const NO_DISPERSION: Dispersion = {
  blocks: BLOCK_TICKS.flatMap(() => Array.from({ length: BLOCK_NUMBERS }, () => 0)),
  pending: null,
};

/** Events of the first half, of both, and the first half's share (0 to 1) of the units that could have had them. */
export type Halves = { readonly first: number; readonly both: number; readonly share: number };

export function learnHalves(dispersion: Dispersion, halves: Halves): Dispersion {
  const blocks = dispersion.blocks.slice();
  for (let i = 0; i < BLOCK_TICKS.length; i++) addTick(blocks, i, halves);
  return { blocks, pending: dispersion.pending };
}

/** For a stable of one replica: every other second is a half. Seconds must come in order. */
export function learnSecond(dispersion: Dispersion, events: number, units: number): Dispersion {
  const { pending } = dispersion;
  if (pending === null) return { ...dispersion, pending: [events, units] };
  const all = pending[1] + units;
  const halves = { first: pending[0], both: pending[0] + events, share: all > 0 ? pending[1] / all : 0.5 };
  return { ...learnHalves(dispersion, halves), pending: null };
}

function addTick(blocks: number[], index: number, { first, both, share }: Halves): void {
  const at = index * BLOCK_NUMBERS;
  const length = BLOCK_TICKS[index]!;
  if (both > 0) {
    // A block of one second has no persistence to measure.
    const u = length > 1 ? first / both - share : 0;
    blocks[at + OPEN_D]! += first - share * both;
    blocks[at + OPEN_V]! += share * (1 - share) * both;
    blocks[at + OPEN_U]! += u;
    blocks[at + OPEN_UU]! += u * u;
  }
  blocks[at + TICKS]! += 1;
  if (blocks[at + TICKS]! < length) return;
  if (blocks[at + OPEN_V]! > 0) {
    const [d, u] = [blocks[at + OPEN_D]!, blocks[at + OPEN_U]!];
    blocks[at + FULL]! += 1;
    blocks[at + SUM_D2] = short(blocks[at + SUM_D2]! + d * d);
    blocks[at + SUM_V] = short(blocks[at + SUM_V]! + blocks[at + OPEN_V]!);
    blocks[at + SUM_U2]! += u * u;
    blocks[at + SUM_UU]! += blocks[at + OPEN_UU]!;
  }
  for (let i = at + TICKS; i <= at + OPEN_UU; i++) blocks[i] = 0;
}

/** Digits after a billionth of a sum are noise. */
function short(sum: number): number {
  return sum < 1000 ? sum : Math.round(sum * 1e3) / 1e3;
}

/** Full blocks of one length that saw events. */
export function fullBlocks({ blocks }: Dispersion, index: number): number {
  return blocks[index * BLOCK_NUMBERS + FULL]!;
}

/** Pearson dispersion of one block length, shrunk towards 1 by `prior` blocks that behaved. */
export function rawDispersion({ blocks }: Dispersion, index: number, prior: number): number {
  const at = index * BLOCK_NUMBERS;
  return shrunk(blocks[at + FULL]!, blocks[at + SUM_D2]!, blocks[at + SUM_V]!, prior);
}

function shrunk(full: number, squares: number, expected: number, prior: number): number {
  const observed = expected > 0 ? squares / (expected / full) : full;
  return (prior + observed) / (prior + full);
}

/** φ, 1 to 50: 1 while chance explains what was seen. */
export function phiOf(dispersion: Dispersion): number {
  let phi = 1;
  for (let i = 0; i < BLOCK_TICKS.length; i++) {
    const full = fullBlocks(dispersion, i);
    if (full < LEAST_BLOCKS) continue;
    const noise = 1 + 1.5 * Math.sqrt(2 / (PHI_PRIOR_BLOCKS + full));
    phi = Math.max(phi, rawDispersion(dispersion, i, PHI_PRIOR_BLOCKS) / noise);
  }
  return Math.min(MOST_PHI, phi);
}

/** τ, 1 to 30 seconds: how long an imbalance between the halves lasts. */
export function tauOf(dispersion: Dispersion): number {
  const { blocks } = dispersion;
  let tau = 1;
  for (let i = 1; i < BLOCK_TICKS.length; i++) {
    const full = fullBlocks(dispersion, i);
    if (full < LEAST_BLOCKS) continue;
    const noise = 1 + Math.sqrt(2 / (TAU_PRIOR_BLOCKS + full));
    const at = i * BLOCK_NUMBERS;
    tau = Math.max(tau, shrunk(full, blocks[at + SUM_U2]!, blocks[at + SUM_UU]!, TAU_PRIOR_BLOCKS) / noise);
  }
  return Math.min(MOST_TAU, tau);
}
