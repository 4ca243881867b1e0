import type { CodeEntry } from './code-entry.ts';

/** Refusals of verbs, and what a controller cannot find. None of them changes anything. */
export const ROLLOUT_CODES = {
  SERVICE_UNKNOWN: {
    title: 'there is no such service here',
    cause: 'The name is misspelt, nothing of it was deployed to this server yet, or it was removed.',
    fix: 'Run "bascule status" to see what there is; the first deploy of a service makes it.',
  },
  SERVICE_LEAVING: {
    title: 'the service is being removed',
    cause: 'Somebody ran "bascule remove"; its slots are being drained.',
    fix: 'Wait until it is gone, then deploy again.',
  },
  ROLLOUT_UNKNOWN: {
    title: 'there is no such rollout',
    cause: 'The id is misspelt, or the record was pruned.',
    fix: 'Run "bascule history" to see what there was.',
  },
  IDENTITY_NEEDED: {
    title: 'only somebody who is known can agree',
    cause:
      'An approval counts for a person, and a person is who a token says. A socket or a name alone says nothing.',
    fix: 'Ask an admin for a token (`bascule token create`), and give it in BASCULE_TOKEN, also on the machine itself.',
  },
  APPROVAL_OWN: {
    title: 'whoever started a rollout cannot approve it',
    cause:
      'An approval is the word of somebody else. The name of who started it counts, also where it was only said.',
    fix: 'Ask one of the others.',
  },
  APPROVAL_NOT_YOURS: {
    title: 'somebody else is asked',
    cause: 'The approval names who may give it (`of:`), and you are not among them.',
    fix: 'Ask one of those whom the message names.',
  },
  APPROVAL_NOT_ASKED: {
    title: 'nobody is asked to agree',
    cause: 'The rollout is not at an approval: it is before it, past it, or another one.',
    fix: '`bascule status` says what it waits for.',
  },
  APPROVAL_NEEDED: {
    title: 'others must agree first',
    cause:
      'The plan has an approval before that share, and not enough people have given it. Promote and weight do not go around it.',
    fix: 'Ask them to run `bascule approve`; abort, rollback and pause need nobody.',
  },
  APPROVAL_IMPOSSIBLE: {
    title: 'nobody could ever agree to it',
    cause:
      'Without who starts it there are fewer people in `of:` than are needed; one more is needed where who starts it is not known.',
    fix: 'Start it with a token, name more people, or have somebody else start it.',
  },
  APPROVALS_WEAKER: {
    title: 'the file asks for fewer approvals than there are',
    cause:
      'Whoever deploys sends the file, and could deploy around the approvals in it. Taking one away, or asking for fewer people, takes an admin.',
    fix: 'Put them back, or have an admin apply the file.',
  },
  NOTHING_JUDGED: {
    title: 'there is nothing there to judge',
    cause:
      'Judging takes two versions at the same time. The rollout had no share of the traffic beside a stable version, or no rollout of the service had one in that time.',
    fix: 'Run "bascule history" for the rollouts there were; "bascule plan" says what a rollout could find in the traffic of now.',
  },
  EVIDENCE_GONE: {
    title: 'the counts that it was judged by are gone',
    cause:
      'The seconds of old rollouts are dropped, the oldest first, when all of them take more than 1 GiB; a backup does not hold them; and versions before 0.2 did not keep them.',
    fix: 'The verdict itself stays with the rollout: "bascule why" has it.',
  },
  RULES_WRONG: {
    title: 'a changed rule is not of the form that files have',
    cause:
      'A change is NAME=VALUE: a check of the judge (error-rate=2pp, p95=30%, p99=off), or dwell, dwell.at-most, bake, warm-up, when-worse, when-unsure.',
    fix: 'Write it as in the strategy of a file; docs/configuration.md has every setting.',
  },
  ROLLOUT_UNDER_WAY: {
    title: 'a rollout is under way',
    cause:
      'At most one rollout of a service goes on at a time, and door and scale stay as they are meanwhile.',
    fix: 'Wait for it, run "bascule abort", or deploy with --supersede to go back first and then start the new one.',
  },
  KEPT_SERVES: {
    title: 'what is kept warm is what users get',
    cause:
      'The version that serves has no healthy replica, and the one kept warm beside it answers in its place. A new version, or a cold way back, would take its slot, and leave users with nobody.',
    fix: 'Run "bascule rollback" to the version that answers: it is a switch. Then deploy. Or mend the version that is down.',
  },
  NO_ROLLOUT: {
    title: 'no rollout is under way',
    cause: 'The last one is over, or it is on its way back already and cannot be steered any more.',
    fix: 'Run "bascule status" to see where things stand.',
  },
  NOT_READY_YET: {
    title: 'the candidate has not passed its gate',
    cause: 'It is being started or probed; no version gets traffic before every replica is healthy.',
    fix: 'Wait until it is ready; "bascule logs SERVICE --candidate" shows what it says.',
  },
  TARGETS_FIXED: {
    title: 'what serves users stays where it is',
    cause:
      'The targets of the slot that serves would change under its users, without a gate, a judge or a way back; or a service would pass from Bascule to somebody else, or back.',
    fix: 'Change the targets of the other slot and deploy what stands there. A service that somebody else is to run is another one: give it another name, or remove this one first.',
  },
  NOT_STANDING: {
    title: 'that version does not stand there any more',
    cause:
      'Bascule does not run this service, so it cannot bring a version back: another one was deployed to the slot since.',
    fix: 'Put the version there, then deploy it under its label.',
  },
  CURRENT_DOWN: {
    title: 'what is to be adopted is not healthy',
    cause:
      'The first deploy takes "current" for the stable version, and it does not answer its health check: nobody could be sent back to it.',
    fix: 'Put the address or the health path right; a redirect is not healthy. Without "current" the first version has no way back.',
  },
  LOGS_ELSEWHERE: {
    title: 'somebody else runs it',
    cause: 'Bascule has no output of what it does not run: targets, and what was adopted with "current".',
    fix: 'Look where it runs.',
  },
  STEP_NOT_REACHED: {
    title: 'the rollout is not at that step yet',
    cause: '--from-step names a step that lies ahead.',
    fix: 'Run "bascule status" to see the step; leave the flag away to promote from wherever it is.',
  },
  ROUTE_PENDING: {
    title: 'a share is just being changed',
    cause: 'The route of this step was commanded and is not proven yet; this takes a moment.',
    fix: 'Try again in a second.',
  },
  NO_SHARE_NOW: {
    title: 'there is no share to set',
    cause: 'The candidate is not ready yet, has all traffic already, or there is no other version.',
    fix: 'Use promote, abort or rollback, as "bascule status" suggests.',
  },
  WEIGHT_ABOVE_PLAN: {
    title: 'the weight is above the plan',
    cause: 'The share is higher than any that the plan would give before 100 %.',
    fix: 'Give --yes if you mean it.',
  },
  WEIGHT_IS_PROMOTE: {
    title: 'a weight of 100 % is a promotion',
    cause: 'At 100 % roles change and the watch begins; that is what promote does.',
    fix: 'Run "bascule promote SERVICE --full".',
  },
  FROZEN: {
    title: 'the service is frozen',
    cause:
      'Somebody ran "bascule freeze", or the server file has a freeze that is on now; the message says which, and until when.',
    fix: 'Wait, lift it with "bascule unfreeze", or give --override-freeze --reason WHY, which is kept in the audit. Abort, rollback and pause are never frozen.',
  },
  LOCKED: {
    title: 'somebody else holds the lock of the service',
    cause:
      'While it is locked, only the holder starts and promotes; the message says who, why and until when.',
    fix: 'Ask them to release it, or break it: "bascule lock release SERVICE --force --reason WHY", which is kept in the audit. Abort, rollback and pause need no lock.',
  },
  TIME_PAST: {
    title: 'the end lies in the past',
    cause: 'A lock or freeze was to end at a moment that is over by the clock of the server.',
    fix: 'Give a later moment, or a duration with --for.',
  },
  FREEZES_FULL: {
    title: 'there are too many freezes',
    cause: 'Twenty people have frozen it already; who freezes again only changes their own.',
    fix: 'Lift them with "bascule unfreeze", then freeze again.',
  },
  DOOR_DIFFERS: {
    title: 'door or scale differ from what is applied',
    cause: 'The file changes host, path, listen, drain or replicas; a deploy changes none of them.',
    fix: 'Run "bascule apply" first: it shows the difference and changes both slots in place.',
  },
  PROXY_UNSUPPORTED: {
    title: 'the proxy cannot do that',
    cause: 'The file asks for routing that its kind of proxy does not have; the message names both.',
    fix: 'Take the key out, or use a proxy that can.',
  },
  PREVIEW_UNSUPPORTED: {
    title: 'the proxy has no preview addresses',
    cause: 'The file has verify or preview, and its proxy cannot give each slot an address of its own.',
    fix: 'Take the key out, or use a proxy that can.',
  },
  SCALE_ABOVE_RESERVED: {
    title: 'more replicas than addresses',
    cause: 'Each slot has fixed addresses, as many as max-replicas said when the service was first deployed.',
    fix: 'Stay within them, or remove the service and deploy it again with a higher max-replicas.',
  },
  RELEASE_LABEL_TAKEN: {
    title: 'the version exists and is another one',
    cause:
      'A release of this label was recorded with other files or another configuration; releases never change. Only one that never got traffic, and is in no slot and no rollout, gives its label to another.',
    fix: 'Give another --version.',
  },
  RELEASE_UNKNOWN: {
    title: 'there is no such release',
    cause: 'The version was never deployed here, or its record was pruned.',
    fix: 'Run "bascule history SERVICE" to see which there are.',
  },
  NOTHING_TO_GO_BACK_TO: {
    title: 'there is no version to go back to',
    cause: 'No other version of the service was ever promoted, or each was left by a rollback since.',
    fix: 'Name the version to go back to all the same, or deploy one that works.',
  },
  PLAN_STALE: {
    title: 'the plan does not hold any more',
    cause: 'The file, the artifact or what serves has changed since it was made, or it never existed.',
    fix: 'Run "bascule plan" again and look at what it says now.',
  },
  VERSION_NOT_HERE: {
    title: 'the version does not run now',
    cause:
      'It is in neither slot, and it never was, or too long ago: the newest ten of a slot keep their output.',
    fix: 'Run "bascule history SERVICE" to see which versions there were.',
  },
  ROUTE_NOT_PROVEN: {
    title: 'the proxy does not use the route yet',
    cause: 'A route was applied, and what the proxy says that it uses is an older one.',
    fix: 'Bascule goes on trying and says so; see the log of the proxy in the state directory.',
  },
  SERVER_FILE_INVALID: {
    title: 'the server file is not valid',
    cause: 'It cannot be read, is not YAML, or a key or value in it is not known.',
    fix: 'The message lists every mistake; docs/server.md describes the file.',
  },
  STATE_DIR_UNUSABLE: {
    title: 'the state directory cannot be used',
    cause: 'It cannot be made, or this user may not write there.',
    fix: 'Name another with --state-dir or BASCULE_STATE_DIR, or make it and give it to the user that runs "bascule serve".',
  },
} as const satisfies Record<string, CodeEntry>;
