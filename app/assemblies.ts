/** The assemblies, each loaded when it is first called: `--help` needs none of their libraries. */
import type { Assemblies } from './contract.ts';

export const ASSEMBLIES: Assemblies = Object.freeze({
  replay: async (options) => (await import('./replay.ts')).replay(options),
  backtest: async (options) => (await import('./backtest.ts')).backtest(options),
  score: async (options) => (await import('./score.ts')).score(options),
  run: async (options) => (await import('./run.ts')).run(options),
  demo: async (options) => (await import('./demo.ts')).demo(options),
  openClient: async (options) => (await import('./client.ts')).openClient(options),
  restoreState: async (options) => (await import('./client.ts')).restoreState(options),
} satisfies Assemblies);
