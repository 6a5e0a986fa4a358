/** Judges a finding again from its recorded inputs, as `explain` does. */
import type { ApiEvent, Route } from '../../core/event.ts';
import { type FindingInputs, SCORE_MAX } from '../../core/finding.ts';
import { leak } from '../leak.ts';
import type { Recomputed } from './contract.ts';
import type { Judge } from './judge.ts';
import { bytesOfPart, Memory } from './layout.ts';

const TEXT = new TextDecoder();

export function layoutVersion(judge: Judge): string {
  return judge.layout.parts
    .map((part) => `${part.id}@${part.version}:${bytesOfPart(part)}`)
    .join(' ');
}

/** Scores are compared and told to six decimals: engines differ by an ulp in logarithms. */
export function roundScore(score: number): number {
  return Number(Math.min(SCORE_MAX, score).toFixed(6));
}

export function recompute(judge: Judge, inputs: FindingInputs): Recomputed {
  const { leak: notice } = inputs.context;
  if (notice !== undefined) return compared(leak.score(notice), inputs);
  const i = judge.seats.findIndex((seat) => seat.detector.id === inputs.detector);
  if (i < 0 || inputs.layoutVersion !== layoutVersion(judge)) return { score: 0, identical: false };
  const event =
    inputs.event === null ? undefined : (JSON.parse(TEXT.decode(inputs.event)) as ApiEvent);
  judge.moveTo(new Memory(Uint8Array.from(inputs.record).buffer), 0, inputs.context.declared);
  const { windows = [], route, prior = null, placesDamped = false } = inputs.context;
  const { placesDampedUntil } = judge;
  judge.placesDampedUntil = placesDamped ? Number.POSITIVE_INFINITY : 0;
  judge.peers.judgeAgainWith(prior);
  const score = judge.exceptions.during(windows, () =>
    event === undefined ? tickScore(judge, i, inputs.at) : eventScore(judge, i, event, route),
  );
  judge.peers.judgeAgainWith(undefined);
  judge.placesDampedUntil = placesDampedUntil;
  return compared(score, inputs);
}

/** A score computed again beside the one that was recorded. */
export function compared(score: number, inputs: FindingInputs): Recomputed {
  return { score: roundScore(score), identical: roundScore(score) === inputs.score };
}

function eventScore(judge: Judge, i: number, event: ApiEvent, route: Route = event.route): number {
  if (event.attested) judge.observe(event, route);
  else judge.observeFailure(event);
  return judge.scores[i]!;
}

function tickScore(judge: Judge, i: number, at: number): number {
  const { detector, state, settings } = judge.seats[i]!;
  judge.face(judge.rate.state.second);
  const second = Math.floor(at / 1000);
  const found = detector.absence?.find(judge.subject, state, second, settings);
  return found === second ? detector.absence!.scoreAt() : 0;
}
