/** The layers of a key, from the configuration, its facts, and the load. */
import type { DecideConfig } from '../core/config-response.ts';
import type { KeyFacts } from './contract.ts';
import { type Layer, type LayersOf, planLayers } from './limits-layers.ts';
import { learnedLayer, learnedLimit } from './limits-learned.ts';
import { shed } from './limits-load.ts';
import { raised, raiseFactor } from './limits-raise.ts';

export type LayerSettings = Pick<DecideConfig, 'limits' | 'learned' | 'raise'>;

/** `shedFactor` answers by how much limits fall now. Throws `usage` on a limit that cannot be read. */
export function createLayersOf(settings: LayerSettings, shedFactor: () => number): LayersOf {
  const planOf = planLayers(settings.limits);
  return (facts, now) => {
    const plan = planOf(facts?.plan ?? '');
    const learned = learnedLimit(facts, settings.learned.factor, plan);
    const all =
      learned === undefined ? plan : [...plan, learnedLayer(learned, settings.learned.enforce)];
    const up = raiseFactor(facts, settings.raise, now);
    const down = shedFactor();
    if (up === 1 && down === 1) return all;
    return all.map((layer) => changed(layer, up, down, facts));
  };
}

/** Load goes before what was raised: a planned event does not help servers that cannot. */
function changed(layer: Layer, up: number, down: number, facts: KeyFacts | undefined): Layer {
  return { ...layer, limit: shed(raised(layer.limit, up), down, facts?.hourP99) };
}
