import { BUCKETS } from '../cohort.ts';
import type { ServicePlan } from './plan.ts';
import { COOKIE_NAME } from './render-cookie.ts';
import { renderHealthPath } from './render-hold.ts';
import { renderChosen } from './render-override.ts';
import { ALL_KEY, BACK_KEY, HELD } from './route-map.ts';

/** Longest part of a header that identifies. */
const IDENTITY_CHARS = 512;
const SHAPE = `{ req.cook(${COOKIE_NAME}) -m reg ^[0-9a-f]{32}$ }`;
const OPEN = '!{ var(txn.bascule_slot) -m found }';
const CHOSE = '{ var(txn.bascule_by) -m found }';

export type Choice = {
  /** No other service has this address: it need not be asked which one is meant. */
  readonly isAlone: boolean;
  /** Those who come back from a hold, who are let through. */
  readonly isBack: boolean;
};

/**
 * The slot, and by it who asks: outside of a rollout nobody is looked at but to be given a cookie. `all` is asked for again:
 * between two questions the map may have been replaced.
 */
export function renderChoice(plan: ServicePlan, { isAlone, isBack }: Choice): string {
  const { door, mapFile } = plan;
  const mine = isAlone ? '' : `{ var(txn.bascule_service) -m str ${door.service} } `;
  const when = (condition: string): string =>
    `${mine}${condition}`.trim() === '' ? '' : ` if ${mine}${condition}`.trimEnd();
  const isHeld = `{ var(txn.bascule_slot) -m str ${HELD} }`;
  const past = isBack
    ? [
        `unset-var(txn.bascule_slot) if ${isHeld}`,
        `set-var(txn.bascule_slot) str(${BACK_KEY}),map(${mapFile}) if ${OPEN}`,
      ]
    : [];
  const bucket = `str(${door.salt}),concat(,txn.bascule_person),xxh32(7),mod(${BUCKETS})`;
  const first = [`set-var(txn.bascule_slot) str(${ALL_KEY}),map(${mapFile})${when('')}`, ...past];
  const then = [
    ...personOf(plan.door, isBack).map(([act, condition]) => `${act}${when(condition)}`),
    `set-var(txn.bascule_slot) ${bucket},map(${mapFile})${when(OPEN)}`,
    `set-var(txn.bascule_slot) str(${ALL_KEY}),map(${mapFile})${when(OPEN)}`,
    ...past,
  ];
  const before = isBack ? '' : renderChosen(door, mapFile, mine) + renderHealthPath(plan, mine);
  return `${lines(first)}${before}${lines(then)}`;
}

function lines(rules: readonly string[]): string {
  return rules.map((rule) => `    http-request ${rule}\n`).join('');
}

type Rule = readonly [act: string, condition: string];

/**
 * `bascule_person` decides the bucket; `bascule_identity` is who is counted, as a hash, or 0 where that cannot be told. Both are
 * there only while each bucket has a slot of its own. `bascule_new`: whom to give a cookie.
 */
function personOf({ sticky, spec, override }: ServicePlan['door'], isBack: boolean): Rule[] {
  const known = '{ var(txn.bascule_person) -m found }';
  const open = override === undefined || isBack ? OPEN : `${OPEN} !${CHOSE}`;
  const isCounted: Rule = ['set-var(txn.bascule_identity) var(txn.bascule_person),xxh64(1)', open];
  switch (sticky.by) {
    case 'cookie': {
      const visits = override === undefined || isBack ? '' : ` !${CHOSE}`;
      return [
        ['set-var(txn.bascule_new) uuid(),regsub(-,,g)', `!${SHAPE}${visits}`],
        ['set-var(txn.bascule_person) var(txn.bascule_new)', open],
        [`set-var(txn.bascule_person) req.cook(${COOKIE_NAME})`, `${open} !${known}`],
        isCounted,
      ];
    }
    case 'header': {
      const named = `{ req.fhdr(${sticky.header}) -m len gt 0 }`;
      return [
        [
          `set-var(txn.bascule_person) req.fhdr(${sticky.header}),bytes(0,${IDENTITY_CHARS})`,
          `${open} ${named}`,
        ],
        isCounted,
        ['set-var(txn.bascule_identity) int(0)', `${open} !${known}`],
        ['set-var(txn.bascule_person) uuid()', `${open} !${known}`],
      ];
    }
    case 'address':
      return [
        ...(spec.trustForwarded
          ? [
              [
                'set-var(txn.bascule_person) req.hdr(X-Forwarded-For,-1)',
                `${open} { req.hdr(X-Forwarded-For,-1) -m len gt 0 }`,
              ] as const,
            ]
          : []),
        ['set-var(txn.bascule_person) src', `${open} !${known}`],
        isCounted,
      ];
    case 'none':
      return [['set-var(txn.bascule_person) uuid()', open]];
  }
}
