/** What the parts of the desk share, and how one incident is judged. */
import { NO_CALENDAR } from '../../core/calendar.ts';
import type { Board } from '../brakes/board.ts';
import type { DecisionBook } from './book.ts';
import type { Case, Scene } from './case.ts';
import type { DeskOptions } from './contract.ts';
import type { CaseFile, CaseFiles } from './files.ts';
import { settle } from './settle.ts';
import { judge } from './wants.ts';

export interface DeskState {
  readonly options: DeskOptions;
  readonly book: DecisionBook;
  readonly board: Board;
  readonly files: CaseFiles;
  /** Incidents to judge again though nothing new is told: when, epoch ms. */
  readonly again: Map<string, number>;
  /** What was judged last time: policy and what is known of many keys. */
  seen: { policy: string; board: number; turn: number };
}

export function sceneOf({ options }: DeskState, nowMs: number): Scene {
  const { holder, env, calendar = NO_CALENDAR } = options;
  return { holder, env, calendar, nowMs };
}

export function caseOf(file: CaseFile, { files, options }: DeskState): Case {
  return files.caseOf(file, options.directory, options.env);
}

/** Judges an open incident by what is known now. */
export function consider(file: CaseFile, state: DeskState, nowMs: number): void {
  const { book, board, again } = state;
  const told = caseOf(file, state);
  const scene = sceneOf(state, nowMs);
  const { withinMs } = scene.holder.policy.repeat;
  const repeats = book.pastOf(told.incident.subject.id, nowMs - withinMs).length;
  const { answers, served, shown } = file;
  const wants = judge(told, scene, board, repeats, served);
  settle(wants, { told, scene, board, book, answers, repeats, shown });
  if (wants.againMs === undefined) again.delete(told.incident.id);
  else again.set(told.incident.id, wants.againMs);
}
