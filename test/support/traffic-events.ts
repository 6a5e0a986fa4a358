/** Events of the traffic model, as the engine takes them. */
import { type ApiEvent, createEvent } from '../../core/event.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import type { Traffic } from '../../traffic/contract.ts';
import { cloneEvent } from '../detectors/fixture-events.ts';

/** All of a model, in order, positions counted from 0. */
export function eventsOf(model: Traffic): ApiEvent[] {
  const fill = createEventFiller();
  const event = createEvent();
  return Array.from(model.events(), (request, position) => {
    fill(request, event);
    event.position = position;
    return cloneEvent(event);
  });
}
