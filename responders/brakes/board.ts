/** What brakes remember of the fleet. All of it is bounded, and follows from what the desk was told. */
import { Crowd } from './crowd.ts';
import { Ledger } from './ledger.ts';
import { Moves } from './moves.ts';

export class Board {
  killed = false;
  readonly crowd = new Crowd();
  readonly moves = new Moves();
  readonly ledger = new Ledger();

  /** Grows when what is known of many keys together may lead to another judgement of one. */
  get version(): number {
    return this.crowd.version + this.moves.version;
  }
}
