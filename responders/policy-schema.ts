/**
 * The policy file as it is written: rules from incident to rung, which rungs are switched on, how long, and the
 * numbers of the brakes. What it means when read is in policy.ts; docs/policy.md argues each default.
 */
import { z } from 'zod';
import { DURATION_PATTERN } from '../core/duration.ts';
import { FAMILIES } from '../core/finding.ts';
import { RUNGS } from '../core/ladder.ts';

const duration = z.string().regex(DURATION_PATTERN, 'must be a duration such as 90s, 1h30m or 7d');

/** `until-lifted`: a person ends it. */
const term = z
  .string()
  .regex(
    new RegExp(`${DURATION_PATTERN.source}|^until-lifted$`),
    'must be a duration such as 90s, 1h30m or 7d, or until-lifted',
  );

const percent = z.number().min(0).max(100);
const words = z.array(z.string().min(1)).min(1);

export const RUNG_MODES = ['off', 'approval', 'automatic'] as const;
/** `off`: shown what it would have done. */
export type RungMode = (typeof RUNG_MODES)[number];

const rungSetting = z
  .union([
    z.enum(RUNG_MODES),
    z.strictObject({
      mode: z.enum(RUNG_MODES).describe('off, approval or automatic.'),
      percent: percent
        .default(100)
        .describe('Share of the keys, always the same ones, that it is on for.'),
    }),
  ])
  .default('off');

const ladder = z
  .strictObject({
    'throttle-soft': rungSetting.describe('A multiple of the rate of the key’s own busy hours.'),
    'throttle-hard': rungSetting.describe('About the rate of the key’s own busy hours.'),
    contain: rungSetting.describe('Refuse only what departs from the key’s profile.'),
    suspend: rungSetting.describe('Refuse all, reversible.'),
    revoke: rungSetting.describe('Take the credential back.'),
  })
  .prefault({})
  .describe('Which rungs are switched on.');

const when = z
  .strictObject({
    leak: z.boolean().optional().describe('true: for reports that prove a leak, and only those.'),
    severityMin: z
      .enum(['info', 'low', 'medium', 'high', 'critical'])
      .optional()
      .describe('Least severity of the evidence.'),
    families: z
      .array(z.enum(FAMILIES))
      .min(1)
      .optional()
      .describe('Evidence of at least one of these families.'),
    familiesMin: z
      .int()
      .min(1)
      .max(FAMILIES.length)
      .optional()
      .describe('Families that score 5 or more.'),
    detectors: words.optional().describe('A finding of at least one of these detectors.'),
    consumers: words.optional().describe('Consumers.'),
    plans: words.optional().describe('Plans.'),
    environments: words.optional().describe('Environments.'),
    risks: z
      .array(z.enum(['low', 'normal', 'high']))
      .min(1)
      .optional()
      .describe('Risk classes.'),
    keys: words.optional().describe('Ids or labels of keys.'),
    readiness: z
      .array(z.enum(['learning', 'ready', 'degraded', 'unprotected']))
      .min(1)
      .optional()
      .describe('Every detector that found something is in one of these.'),
  })
  .describe('What the rule is for: all that is said has to hold.');

export const ruleSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('Named with the decisions that come from it.'),
  when,
  rung: z.enum(RUNGS).describe('Highest rung; the next best where a gateway cannot.'),
  for: term.optional().describe('How long, instead of the rung’s own.'),
});
export type PolicyRuleText = z.infer<typeof ruleSchema>;

const durations = z
  .strictObject({
    'throttle-soft': term.default('1h').describe('How long it holds.'),
    'throttle-hard': term.default('1h').describe('How long it holds.'),
    contain: term.default('4h').describe('How long it holds.'),
    suspend: term
      .default('15m')
      .describe('How long it holds; while the incident is open, contain or a throttle follows.'),
    revoke: term.default('until-lifted').describe('How long it holds.'),
  })
  .prefault({})
  .describe('How long each rung holds.');

const throttle = (factor: number) =>
  z
    .strictObject({
      factor: z
        .number()
        .positive()
        .max(1000)
        .default(factor)
        .describe('Times the p99 of the key’s own hours.'),
      perMinuteMin: z
        .int()
        .min(1)
        .default(10)
        .describe('Requests a minute that are always let through.'),
      perMinuteUnknown: z
        .int()
        .min(1)
        .default(60)
        .describe('Requests a minute where the key’s own rate is not known.'),
    })
    .prefault({});

const repeat = z
  .strictObject({
    within: duration.default('24h').describe('Decisions of the same key that count.'),
    factor: z.number().min(1).max(10).default(2).describe('Each one lasts this many times longer.'),
    max: duration.default('24h').describe('And never longer than this.'),
    stepUpAfter: z.int().min(0).default(2).describe('After so many, one rung higher; 0: never.'),
    highest: z
      .enum(['throttle-soft', 'throttle-hard', 'contain', 'suspend'])
      .default('suspend')
      .describe('Never higher than this by repetition.'),
  })
  .prefault({})
  .describe('What happens when a key does it again.');

const calm = z
  .strictObject({
    ends: z
      .array(z.enum(['throttle-soft', 'throttle-hard', 'contain', 'suspend']))
      .default(['throttle-soft', 'throttle-hard'])
      .describe('Rungs that end when the incident closes, before their time.'),
    extend: z
      .boolean()
      .default(true)
      .describe('Whether a throttle or contain goes on while its incident is open.'),
  })
  .prefault({})
  .describe('What happens when it is over.');

const approval = z
  .strictObject({
    within: duration.default('4h').describe('A decision that waits longer is given up.'),
  })
  .prefault({})
  .describe('Decisions that wait for a person.');

const budget = z
  .strictObject({
    'throttle-soft': z.int().min(0).default(60).describe('Actions an hour.'),
    'throttle-hard': z.int().min(0).default(30).describe('Actions an hour.'),
    contain: z.int().min(0).default(60).describe('Actions an hour.'),
    suspend: z.int().min(0).default(10).describe('Actions an hour.'),
    revoke: z.int().min(0).default(5).describe('Actions an hour.'),
    consumerPercent: percent.default(25).describe('Most of it that keys of one consumer may take.'),
    youngPercent: percent
      .default(25)
      .describe('Most of it that keys younger than brakes.fleet.aged may take.'),
    reservePercent: percent
      .default(25)
      .describe('Kept for evidence of place, credential or content that is critical.'),
    trafficPercent: percent
      .default(20)
      .describe('Most of the usual traffic that keys under an action may carry together.'),
    trafficKeysFree: z
      .int()
      .min(0)
      .default(3)
      .describe('So many keys may be acted upon whatever they carry.'),
  })
  .prefault({})
  .describe('How much may be done before people look.');

const stale = z
  .strictObject({
    lagNoRevoke: duration.default('1m').describe('With more lag nothing is revoked.'),
    lagNoSuspend: duration.default('2m').describe('With more lag nothing is suspended.'),
    lagAlert: duration.default('5m').describe('With more lag nothing is done but told.'),
    coldFor: duration
      .default('24h')
      .describe('So long after its state began anew nothing is suspended or revoked.'),
    placesDays: z.int().min(1).default(365).describe('Older geography data proves no place.'),
    travelDays: z.int().min(1).default(180).describe('Older geography data proves no travel.'),
  })
  .prefault({})
  .describe('What is not done on stale knowledge.');

const fleet = z
  .strictObject({
    wait: duration
      .default('10s')
      .describe('Volume and errors wait, where place or credential speaks too; at least 5s.'),
    waitAlone: duration
      .default('150s')
      .describe('Volume and errors wait, where nothing else speaks.'),
    consumers: z
      .int()
      .min(2)
      .default(3)
      .describe('So many consumers that deviate together are no attack on a key.'),
    sharePercent: percent.default(0.5).describe('And at least this share of the keys in use.'),
    backedSharePercent: percent
      .default(10)
      .describe(
        'The same for a key that place or credential speaks against, and 5 times consumers.',
      ),
    keys: z
      .int()
      .min(2)
      .default(3)
      .describe('So many keys of one consumer that deviate together are its own doing.'),
    within: duration
      .default('5m')
      .describe('What counts as together, where place or credential speaks too.'),
    withinAlone: duration
      .default('30m')
      .describe('What counts as together, where nothing else speaks: slow keys show late.'),
    aged: duration.default('7d').describe('Younger keys have no vote.'),
  })
  .prefault({})
  .describe('Many keys that deviate together.');

const network = z
  .strictObject({
    keys: z
      .int()
      .min(2)
      .default(3)
      .describe('So many keys of one consumer, in the same new place, have moved.'),
    within: duration.default('1h').describe('What counts as together.'),
  })
  .prefault({})
  .describe('Keys of one consumer that move together.');

const brakes = z
  .strictObject({
    hold: duration.default('15m').describe('What is held longer is given up.'),
    budget,
    stale,
    fleet,
    network,
  })
  .prefault({})
  .describe('What holds a decision back.');

export const policySchema = z.strictObject({
  version: z.literal(1).describe('Of this form of the file: 1.'),
  ladder,
  rules: z.array(ruleSchema).max(200).optional().describe('The first that fits decides.'),
  durations,
  limits: z
    .strictObject({
      'throttle-soft': throttle(3).describe('Limit of a soft throttle.'),
      'throttle-hard': throttle(1.2).describe('Limit of a hard throttle.'),
    })
    .prefault({})
    .describe('How much a throttled key may still do.'),
  repeat,
  calm,
  approval,
  brakes,
});
export type PolicyText = z.input<typeof policySchema>;
export type ParsedPolicy = z.infer<typeof policySchema>;
