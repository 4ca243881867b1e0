/**
 * Faults too gross to wait for statistics: at least half of the candidate's last 20 attempts failed, from at least three
 * people (or from all of fewer), while under 5 % of stable's last 200 did. Counts come by the second, so "last 20" are the
 * newest whole seconds that hold at least 20, and failures come from three of them (a quarter each): a burst within a second, which the bets are made
 * to bear, would take back half of the healthy versions otherwise. Whether replicas are healthy or crash is decided where they are watched.
 */
export type Severe = {
  /** Newest last: enough seconds for the last 20 attempts. */
  readonly candidate: readonly Attempts[];
  /** Newest last, several seconds to an entry where they are small: enough for the last 200. */
  readonly stable: readonly Attempts[];
  /** People on the candidate: who failed at all, who came at all. Null where requests are counted, zeros where nobody counts. */
  readonly people: { readonly failed: number; readonly active: number } | null;
  /** Set once. */
  readonly found: { readonly second: number; readonly reason: string } | null;
};

export type Attempts = readonly [decided: number, failed: number];

const CANDIDATE_ATTEMPTS = 20;
/** Seconds in which at least this part failed. */
const LEAST_SECONDS = 3;
const LEAST_PART = 0.25;
const STABLE_ATTEMPTS = 200;
/** Fewer attempts of stable than this say nothing about stable. */
const LEAST_STABLE_ATTEMPTS = 20;
const MOST_STABLE_FAILED = 0.05;
const LEAST_CANDIDATE_FAILED = 0.5;
const LEAST_PEOPLE = 3;

export function startSevere(countsPeople: boolean): Severe {
  return { candidate: [], stable: [], people: countsPeople ? { failed: 0, active: 0 } : null, found: null };
}

export type SevereSecond = {
  readonly second: number;
  readonly candidate: Attempts;
  readonly stable: Attempts;
  /** Newly failing and newly active people on the candidate. */
  readonly people: { readonly failed: number; readonly active: number };
};

export function advanceSevere(severe: Severe, second: SevereSecond): Severe {
  const people =
    severe.people === null
      ? null
      : {
          failed: severe.people.failed + second.people.failed,
          active: severe.people.active + second.people.active,
        };
  const next: Severe = {
    candidate: trim(second.candidate[0] > 0 ? [...severe.candidate, second.candidate] : severe.candidate, {
      attempts: CANDIDATE_ATTEMPTS,
      entries: LEAST_SECONDS,
    }),
    stable: trim(addToNewest(severe.stable, second.stable), { attempts: STABLE_ATTEMPTS, entries: 1 }),
    people,
    found: severe.found,
  };
  if (next.found !== null || !isSevere(next)) return next;
  return { ...next, found: { second: second.second, reason: sentence(next) } };
}

function isSevere(severe: Severe): boolean {
  const candidate = total(severe.candidate);
  const stable = total(severe.stable);
  const failing = severe.candidate.filter((entry) => entry[1] >= LEAST_PART * entry[0]).length;
  if (failing < LEAST_SECONDS || candidate[0] < CANDIDATE_ATTEMPTS) return false;
  if (stable[0] < LEAST_STABLE_ATTEMPTS) return false;
  if (candidate[1] < LEAST_CANDIDATE_FAILED * candidate[0]) return false;
  if (stable[1] >= MOST_STABLE_FAILED * stable[0]) return false;
  if (severe.people === null) return true;
  const { failed, active } = severe.people;
  return failed >= LEAST_PEOPLE || failed >= active;
}

function sentence(severe: Severe): string {
  const candidate = total(severe.candidate);
  const stable = total(severe.stable);
  const from = severe.people === null ? '' : `, from ${severe.people.failed} people`;
  return (
    `${candidate[1]} of the candidate's last ${candidate[0]} attempts failed${from}, ` +
    `while ${stable[1]} of stable's last ${stable[0]} did`
  );
}

/** Keeps the newest entries that together hold at least so many attempts, and at least so many of them. */
function trim(
  entries: readonly Attempts[],
  least: { readonly attempts: number; readonly entries: number },
): readonly Attempts[] {
  let sum = 0;
  let first = entries.length;
  while (first > 0 && (sum < least.attempts || entries.length - first < least.entries)) {
    first -= 1;
    sum += entries[first]![0];
  }
  return entries.slice(first);
}

/** Small seconds share an entry, so that a quiet stable needs a dozen entries and not two hundred. */
function addToNewest(entries: readonly Attempts[], added: Attempts): readonly Attempts[] {
  if (added[0] === 0) return entries;
  const newest = entries.at(-1);
  if (newest === undefined || newest[0] >= CANDIDATE_ATTEMPTS) return [...entries, added];
  return [...entries.slice(0, -1), [newest[0] + added[0], newest[1] + added[1]]];
}

function total(entries: readonly Attempts[]): Attempts {
  let [decided, failed] = [0, 0];
  for (const entry of entries) {
    decided += entry[0];
    failed += entry[1];
  }
  return [decided, failed];
}
